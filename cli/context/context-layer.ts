/** What a context of the file says, as a layer. */
import { resolve } from 'node:path';
import type { CliContext } from '../../shared/gen/locum/config/v1/cli_config_pb.ts';
import { CommandFailure } from '../exit-codes.ts';
import { OUTPUT_FORMS, type OutputForm } from '../output/forms.ts';
import { parseAddresses } from './addresses.ts';
import type { Layer, Sourced, TlsFiles, TokenSource } from './layers.ts';

export interface ContextPlace {
  readonly name: string;
  /** Folder of the file: what its paths are relative to. */
  readonly folder: string;
}

/** @throws CommandFailure for what can't be meant */
export function contextLayer(context: CliContext, { name, folder }: ContextPlace): Layer {
  const from = `context ${name}`;
  const sourced = <T>(value: T | undefined): Sourced<T> | undefined =>
    value === undefined ? undefined : { value, from };
  try {
    const layer = {
      address: sourced(context.addresses.length === 0 ? undefined : parseAddresses(context.addresses.join(','))),
      tls: sourced(tlsOf(context, folder)),
      token: sourced(tokenOf(context, { name, folder })),
      output: sourced(outputOf(context)),
    };
    const said = Object.entries(layer).filter(([, value]) => value !== undefined);
    return Object.fromEntries(said);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CommandFailure(`context ${name}: ${error.message}\n"locum context set ${name}" changes it.`);
  }
}

function tlsOf({ tls, caFile, certFile, keyFile, tlsDirectory }: CliContext, folder: string): TlsFiles | undefined {
  const hasFiles = caFile !== '' || certFile !== '' || keyFile !== '';
  if (tlsDirectory !== '' && hasFiles)
    throw new Error('tls_directory has all files: leave out ca_file, cert_file, key_file');
  if ((certFile === '') !== (keyFile === ''))
    throw new Error('cert_file and key_file belong together: give both, or neither');
  if (!tls && !hasFiles && tlsDirectory === '') return undefined;
  const path = (key: keyof TlsFiles, file: string): TlsFiles => (file === '' ? {} : { [key]: resolve(folder, file) });
  return {
    ...path('folder', tlsDirectory),
    ...path('caFile', caFile),
    ...path('certFile', certFile),
    ...path('keyFile', keyFile),
  };
}

function tokenOf(
  { token, tokenFile, tokenCommand, login }: CliContext,
  { name, folder }: ContextPlace,
): TokenSource | undefined {
  const given = Object.entries({ token, token_file: tokenFile, token_command: tokenCommand })
    .filter(([, value]) => value !== '')
    .map(([field]) => field);
  if (given.length > 1) throw new Error(`${given.join(' and ')} exclude each other: give one`);
  if (login !== undefined && given.length > 0) throw new Error(`${given[0]} and login exclude each other: give one`);
  if (login !== undefined) return { kind: 'login', context: name, path: resolve(folder, 'config.yaml') };
  if (tokenCommand !== '') return { kind: 'command', command: tokenCommand };
  if (tokenFile !== '') return { kind: 'file', path: resolve(folder, tokenFile) };
  return token === '' ? undefined : { kind: 'text', token };
}

function outputOf({ output }: CliContext): OutputForm | undefined {
  if (output === '') return undefined;
  const form = OUTPUT_FORMS.find((known) => known === output);
  if (form === undefined) throw new Error(`output "${output}" is none of ${OUTPUT_FORMS.join(', ')}`);
  return form;
}
