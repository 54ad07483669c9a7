/** Whom a command asks, and as whom: put together from its flags, the environment, the file of contexts, and what is on this host. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isLoopbackAddress } from '../../sdk/typescript/caller.ts';
import { nearest } from '../../shared/rpc/nearest-name.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { OutputForm } from '../output/forms.ts';
import { parseAddresses } from './addresses.ts';
import { configPath, exposureOf, readConfigFile } from './config-file.ts';
import { contextLayer } from './context-layer.ts';
import { type Effective, effectiveOf, type Layer, type NamedContext } from './layers.ts';
import { dataOwners, findLocalToken } from './local-token.ts';

export interface Destination extends Effective {
  /** A token of this host's administrator that this user may not read. */
  readonly outOfReach: string | undefined;
  /** A token of this host's administrator that should be there. */
  readonly goneToken?: string | undefined;
  /** Ids of the users of this host who may run its controllers. */
  readonly controllerUsers: readonly number[];
  /** What its user should know of the file of contexts. */
  readonly warning: string | undefined;
}

const LOCAL = 'this host';

/** @throws CommandFailure when a context is named that is not there, and what `readConfigFile` throws */
export async function targetOf(program: Command, env: NodeJS.ProcessEnv): Promise<Destination> {
  const path = configPath(env);
  const { context, isUsed } = await chosenContext(path, program, env);
  const effective = effectiveOf({ flags: flagLayer(program), environment: environmentLayer(env), context });
  const warning = isUsed ? exposureOf(path) : undefined;
  const controllerUsers = dataOwners(env);
  const knowsWho = effective.token !== undefined || effective.tls?.value.certFile !== undefined;
  const isLocal = effective.address.value.every(isLoopbackAddress);
  if (knowsWho || effective.tls?.value.folder !== undefined || !isLocal) {
    return { ...effective, controllerUsers, outOfReach: undefined, warning };
  }
  const { file, rootsFile, outOfReach, gone: goneToken } = findLocalToken(env);
  const token = file === undefined ? undefined : ({ value: { kind: 'local', path: file }, from: LOCAL } as const);
  const tls = effective.tls ?? (rootsFile === undefined ? undefined : { value: { caFile: rootsFile }, from: LOCAL });
  return { ...effective, tls, token, controllerUsers, outOfReach, goneToken, warning };
}

/** Only what stands on the command line itself. */
export function flagLayer(program: Command): Layer {
  const given = <T>(name: string): T | undefined =>
    program.getOptionValueSource(name) === 'cli' ? program.getOptionValue(name) : undefined;
  const [address, output] = [given<readonly string[]>('address'), given<OutputForm>('output')];
  const [folder, caFile] = [given<string>('tlsDir'), given<string>('caFile')];
  const tokenFile = given<string>('tokenFile');
  return {
    ...(address === undefined ? {} : { address: { value: address, from: '--address' } }),
    ...tlsLayer(folder, '--tls-dir', caFile, '--ca-file'),
    ...(tokenFile === undefined ? {} : { token: { value: fileToken(tokenFile), from: '--token-file' } }),
    ...(output === undefined ? {} : { output: { value: output, from: '--output' } }),
  };
}

function environmentLayer(env: NodeJS.ProcessEnv): Layer {
  const { LOCUM_ADDRESS: address = '', LOCUM_TOKEN: token = '' } = env;
  const [folder, caFile] = [env['LOCUM_TLS_DIR'] || undefined, env['LOCUM_CA_FILE'] || undefined];
  return {
    ...(address === '' ? {} : { address: { value: parseAddresses(address), from: 'LOCUM_ADDRESS' } }),
    ...tlsLayer(folder, 'LOCUM_TLS_DIR', caFile, 'LOCUM_CA_FILE'),
    ...(token === '' ? {} : { token: { value: { kind: 'text', token: token.trim() }, from: 'LOCUM_TOKEN' } }),
  };
}

const fileToken = (path: string) => ({ kind: 'file', path: resolve(path) }) as const;

function tlsLayer(
  folder: string | undefined,
  folderFrom: string,
  caFile: string | undefined,
  caFrom: string,
): Pick<Layer, 'tls'> {
  if (folder !== undefined && caFile !== undefined) {
    throw new CommandFailure(`${folderFrom} and ${caFrom} exclude each other: the folder has a ca.crt`);
  }
  if (folder !== undefined) return { tls: { value: { folder: resolve(folder) }, from: folderFrom } };
  return caFile === undefined ? {} : { tls: { value: { caFile: resolve(caFile) }, from: caFrom } };
}

async function chosenContext(
  path: string,
  program: Command,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly context: NamedContext | undefined; readonly isUsed: boolean }> {
  const flag = program.getOptionValueSource('context') === 'cli' ? String(program.getOptionValue('context')) : '';
  const variable = env['LOCUM_CONTEXT'] ?? '';
  const config = await readConfigFile(path);
  const name = flag || variable || (config?.currentContext ?? '');
  if (name === '') return { context: undefined, isUsed: false };
  const chosenBy = flag !== '' ? '--context' : variable !== '' ? 'LOCUM_CONTEXT' : 'current_context';
  const context = config?.contexts[name];
  if (context === undefined) throw noContext(name, Object.keys(config?.contexts ?? {}), chosenBy);
  return {
    context: { name, chosenBy, says: contextLayer(context, { name, folder: resolve(path, '..') }) },
    isUsed: true,
  };
}

export function noContext(name: string, known: readonly string[], chosenBy = ''): CommandFailure {
  const close = nearest(name, known);
  const by = chosenBy === '' || chosenBy === '--context' ? '' : ` (${chosenBy})`;
  const advice =
    close === undefined
      ? `"locum context list" shows those there are; "locum context set ${name} --address HOST:PORT" makes it.`
      : `Did you mean "${close}"?`;
  return new CommandFailure(`there is no context "${name}"${by}\n${advice}`, 3);
}
