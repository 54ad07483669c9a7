/** `locum login`, `locum logout`: as whom a context asks, by an identity provider. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { configPath, readConfigFile } from '../context/config-file.ts';
import { noContext } from '../context/target.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { tell } from '../output/print.ts';
import { changeLogin, clientOf, keepTokens, type LoginPlace, loginIn } from './kept-login.ts';
import type { GivenTokens, Invitation, ProviderClient } from './provider-client.ts';

export interface LoginOptions {
  readonly issuer?: string;
  readonly clientId?: string;
  readonly scope?: string;
  readonly providerCaFile?: string;
}

const SCOPE = 'openid profile email offline_access';
/** RFC 8628, section 3.5 */
const SLOWER_MS = 5_000;

export async function login(given: string | undefined, options: LoginOptions): Promise<void> {
  const place = await placeOf(given);
  const known = await loginIn(place);
  const issuer = options.issuer ?? known?.issuer ?? '';
  const clientId = options.clientId ?? known?.clientId ?? '';
  if (issuer === '' || clientId === '') {
    throw new CommandFailure('where to log in is not known yet: give --issuer URL and --client-id ID, once');
  }
  const scope = options.scope ?? (known?.scope || SCOPE);
  const providerCaFile =
    options.providerCaFile === undefined ? (known?.providerCaFile ?? '') : resolve(options.providerCaFile);
  const client = await clientOf({ issuer, clientId, providerCaFile }, place.path);
  const invitation = await client.begin(scope);
  tell(`Open ${invitation.url}`);
  tell(`and see that it shows the code ${invitation.code}`);
  const tokens = await answered(client, invitation);
  const ca = providerCaFile === '' ? undefined : providerCaFile;
  await changeLogin(place, { issuer, client_id: clientId, scope, provider_ca_file: ca, refresh_token: undefined });
  await keepTokens(place, tokens);
  tell(`Logged in: the context ${place.context} has it. "locum auth whoami" says as whom.`);
}

export async function logout(given: string | undefined): Promise<void> {
  const place = await placeOf(given);
  const known = await loginIn(place);
  if (known === undefined || known.token === '') {
    tell(`Nobody is logged in in the context ${place.context}.`);
    return;
  }
  await changeLogin(place, { token: undefined, refresh_token: undefined, expire_seconds: undefined });
  tell(`Logged out: the context ${place.context} has no token any more.`);
  if (known.refreshToken === '') return;
  // What it was is of no use to anybody who finds a copy of the file.
  const isTaken = await (await clientOf(known, place.path)).revoke(known.refreshToken).catch(() => false);
  if (!isTaken) tell('The provider did not take it back: what it gave ends by itself.');
}

async function answered(client: ProviderClient, { deviceCode, everyMs, lifeMs }: Invitation): Promise<GivenTokens> {
  const end = performance.now() + lifeMs;
  for (let waitMs = everyMs; ; ) {
    await sleep(waitMs);
    const answer = await client.poll(deviceCode).catch(notRefused);
    if (answer instanceof CommandFailure) {
      // Somebody is logging in meanwhile: one answer that was lost is not the end of it.
      if (performance.now() > end) throw answer;
      waitMs *= 2;
      continue;
    }
    if (typeof answer === 'object') return answer;
    if (answer === 'SLOW_DOWN') waitMs += SLOWER_MS;
    if (performance.now() > end) throw new CommandFailure('nobody logged in in time: begin again', EXIT.denied);
  }
}

/** That the provider could not be asked; that it said no is thrown. */
function notRefused(error: unknown): CommandFailure {
  if (error instanceof CommandFailure && error.exitCode !== EXIT.denied) return error;
  throw error;
}

async function placeOf(given: string | undefined): Promise<LoginPlace> {
  const path = configPath(process.env);
  const config = await readConfigFile(path);
  const context = given ?? ((process.env['LOCUM_CONTEXT'] ?? '') || (config?.currentContext ?? ''));
  const known = Object.keys(config?.contexts ?? {});
  if (context === '') {
    const message = 'no context is used here: "locum context set NAME --address HOST:PORT --ca-file FILE" makes one';
    throw new CommandFailure(message, EXIT.notFound);
  }
  if (!known.includes(context)) throw noContext(context, known);
  return { path, context };
}
