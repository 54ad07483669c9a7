/** The login that a context keeps in its file: read for each call, and made new at the provider before it ends. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Document, isMap } from 'yaml';
import { messageOf } from '../../shared/caught-error.ts';
import type { CliLogin } from '../../shared/gen/locum/config/v1/cli_config_pb.ts';
import { hasRoots } from '../../shared/pki/roots.ts';
import { changeConfigFile, readConfigFile } from '../context/config-file.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { tell } from '../output/print.ts';
import { type GivenTokens, nowSeconds, ProviderClient } from './provider-client.ts';

export interface LoginPlace {
  /** The file of contexts. */
  readonly path: string;
  /** Name of the context. */
  readonly context: string;
}

type Settings = Pick<CliLogin, 'issuer' | 'clientId' | 'providerCaFile'>;

/** Before its end, so that it is good when it arrives. */
const EARLY_SECONDS = 30;

const LOOKS = 20;
const LOOK_MS = 50;

export async function clientOf({ issuer, clientId, providerCaFile }: Settings, path: string): Promise<ProviderClient> {
  const file = providerCaFile === '' ? undefined : resolve(dirname(path), providerCaFile);
  const ca = file === undefined ? undefined : await readFile(file, 'utf8');
  if (ca !== undefined && !hasRoots(ca)) throw new CommandFailure(`${file} has no certificate: PEM is wanted`);
  return new ProviderClient({ issuer, clientId, ca });
}

/** Undefined: nothing was ever kept. */
export const loginIn = async ({ path, context }: LoginPlace): Promise<CliLogin | undefined> =>
  (await readConfigFile(path))?.contexts[context]?.login;

/** What controllers are shown. Rejects with CommandFailure when somebody has to log in (again). */
export async function tokenOfLogin(place: LoginPlace): Promise<string> {
  const login = await loginIn(place);
  if (login === undefined || login.token === '') throw logIn(place, 'nobody is logged in');
  if (isGood(login)) return login.token;
  if (login.refreshToken === '') throw logIn(place, 'the login has ended');
  try {
    const given = await (await clientOf(login, place.path)).refresh(login.refreshToken);
    // What was asked for is done all the same. A provider whose refresh tokens are good once gives no further one for the old.
    await keepTokens(place, given).catch((error: unknown) =>
      tell(
        `the new token could not be kept in ${place.path}: ${messageOf(error)}; "locum login" may be needed after that is mended`,
      ),
    );
    return given.token;
  } catch (error) {
    if (!(error instanceof CommandFailure && error.exitCode === EXIT.denied)) throw error;
    const latest = await madeByAnother(place, login.token);
    if (latest !== undefined) return latest;
    throw logIn(place, `the login has ended (${error.message})`);
  }
}

/** Another command may have made it new at the same time, and used up the refresh token that both had read; it has it in the file in a moment. */
async function madeByAnother(place: LoginPlace, token: string): Promise<string | undefined> {
  for (let look = 0; look < LOOKS; look += 1) {
    const latest = await loginIn(place);
    if (latest !== undefined && latest.token !== token && isGood(latest)) return latest.token;
    await sleep(LOOK_MS);
  }
  return undefined;
}

/** Into the file, beside what is there of the login. */
export function keepTokens(place: LoginPlace, { token, refreshToken, expireSeconds }: GivenTokens): Promise<void> {
  return changeLogin(place, {
    token,
    expire_seconds: String(expireSeconds),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
  });
}

/** Undefined takes a field out. What else says who calls is gone after it. */
export function changeLogin(
  { path, context }: LoginPlace,
  fields: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const where = ['contexts', context];
  return changeConfigFile(path, (document: Document) => {
    for (const other of ['token', 'token_file', 'tokenFile', 'token_command', 'tokenCommand'])
      document.deleteIn([...where, other]);
    if (!isMap(document.getIn([...where, 'login']))) document.setIn([...where, 'login'], document.createNode({}));
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined) document.deleteIn([...where, 'login', name]);
      else document.setIn([...where, 'login', name], value);
    }
  });
}

function isGood({ expireSeconds }: CliLogin): boolean {
  const end = Number(expireSeconds);
  return end === 0 || nowSeconds() < end - EARLY_SECONDS;
}

const logIn = ({ context }: LoginPlace, why: string): CommandFailure =>
  new CommandFailure(
    `${why} in the context ${context}: nothing was sent\n"locum login ${context}" logs in.`,
    EXIT.denied,
  );
