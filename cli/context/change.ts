/** `locum context set | use | delete`. */
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type Document, isMap } from 'yaml';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { tell } from '../output/print.ts';
import { changeConfigFile, configPath, readConfigFile } from './config-file.ts';
import { contextLayer } from './context-layer.ts';
import type { Layer } from './layers.ts';
import { flagLayer, noContext } from './target.ts';

export interface SetOptions {
  readonly tls?: boolean;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly token?: string;
  readonly tokenCommand?: string;
  readonly unset?: readonly string[];
  readonly use?: boolean;
}

/** What one word of `--unset` takes out, in the names of the proto. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  address: ['addresses'],
  tls: ['tls', 'ca_file', 'cert_file', 'key_file', 'tls_directory'],
  token: ['token', 'token_file', 'token_command', 'login'],
  output: ['output'],
};

type Fields = Readonly<Record<string, unknown>>;

/** Options that every command takes are what is set here: nothing is asked of a controller. */
export async function set(command: Command, name: string, options: SetOptions): Promise<void> {
  const path = configPath(process.env);
  const unset = (options.unset ?? []).flatMap((word) => fieldsOf(word));
  const given = { ...globalFields(flagLayer(rootOf(command))), ...(await ownFields(options)) };
  const before = await readConfigFile(path);
  const isNew = before?.contexts[name] === undefined;
  const becomesCurrent = options.use === true || (before?.currentContext ?? '') === '';
  await changeConfigFile(path, (document) => {
    const context = ['contexts', name];
    if (!isMap(document.getIn(context))) document.setIn(context, document.createNode({}));
    for (const field of [...unset, ...replacedBy(given)]) removeField(document, context, field);
    for (const [field, value] of Object.entries(given)) {
      removeField(document, context, field);
      document.setIn([...context, field], value);
    }
    if (becomesCurrent) setCurrent(document, name);
  });
  tell(`Context ${name} is ${isNew ? 'made' : 'changed'}${becomesCurrent ? ', and used from now on' : ''}.`);
  await tellProblem(path, name);
}

export async function use(name: string): Promise<void> {
  const path = configPath(process.env);
  await knownContext(path, name);
  await changeConfigFile(path, (document) => setCurrent(document, name));
  tell(`Context ${name} is used from now on.`);
  for (const variable of ['LOCUM_CONTEXT', 'LOCUM_ADDRESS']) {
    if ((process.env[variable] ?? '') !== '') tell(`${variable} is set, and goes before it.`);
  }
}

export async function remove(name: string): Promise<void> {
  const path = configPath(process.env);
  const { wasCurrent } = await knownContext(path, name);
  await changeConfigFile(path, (document) => {
    document.deleteIn(['contexts', name]);
    if (wasCurrent) removeField(document, [], 'current_context');
  });
  tell(`Context ${name} is gone.${wasCurrent ? ' No context is used now: "locum context use" names another.' : ''}`);
}

async function knownContext(path: string, name: string): Promise<{ readonly wasCurrent: boolean }> {
  const config = await readConfigFile(path);
  if (config?.contexts[name] === undefined) throw noContext(name, Object.keys(config?.contexts ?? {}));
  return { wasCurrent: config.currentContext === name };
}

function fieldsOf(word: string): readonly string[] {
  const fields = Object.hasOwn(FIELDS, word) ? FIELDS[word] : undefined;
  if (fields !== undefined) return fields;
  throw new CommandFailure(`can't unset "${word}"; possible: ${Object.keys(FIELDS).join(', ')}`, EXIT.error);
}

function globalFields({ address, tls, token, output }: Layer): Fields {
  const { folder, caFile } = tls?.value ?? {};
  return {
    ...(address === undefined ? {} : { addresses: address.value }),
    ...(folder === undefined ? {} : { tls_directory: folder }),
    ...(caFile === undefined ? {} : { ca_file: caFile }),
    ...(token?.value.kind === 'file' ? { token_file: token.value.path } : {}),
    ...(output === undefined ? {} : { output: output.value }),
  };
}

async function ownFields({ tls, certFile, keyFile, token, tokenCommand }: SetOptions): Promise<Fields> {
  const secret = token === '-' ? (await text(process.stdin)).trim() : token;
  if (secret === '') throw new CommandFailure('there was no token on standard input');
  return {
    ...(tls === undefined ? {} : { tls }),
    ...(certFile === undefined ? {} : { cert_file: resolve(certFile) }),
    ...(keyFile === undefined ? {} : { key_file: resolve(keyFile) }),
    ...(secret === undefined ? {} : { token: secret }),
    ...(tokenCommand === undefined ? {} : { token_command: tokenCommand }),
  };
}

/** One token takes the place of another, a folder that of files. */
function replacedBy(given: Fields): readonly string[] {
  const is = (field: string): boolean => given[field] !== undefined;
  return [
    ...(is('token') ? ['token_file', 'token_command', 'login'] : []),
    ...(is('token_file') ? ['token', 'token_command', 'login'] : []),
    ...(is('token_command') ? ['token', 'token_file', 'login'] : []),
    ...(is('tls_directory') ? ['ca_file', 'cert_file', 'key_file'] : []),
    ...(is('ca_file') || is('cert_file') ? ['tls_directory'] : []),
  ];
}

const camelCase = (field: string): string =>
  field.replaceAll(/_(.)/g, (_match, letter: string) => letter.toUpperCase());

/** In both spellings that a file may have. */
function removeField(document: Document, parent: readonly string[], field: string): void {
  for (const key of new Set([field, camelCase(field)])) document.deleteIn([...parent, key]);
}

function setCurrent(document: Document, name: string): void {
  document.deleteIn(['currentContext']);
  document.setIn(['current_context'], name);
}

/** What is set bit by bit may be half done: that is told, and taken. */
async function tellProblem(path: string, name: string): Promise<void> {
  const context = (await readConfigFile(path))?.contexts[name];
  if (context === undefined) return;
  try {
    contextLayer(context, { name, folder: resolve(path, '..') });
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    tell(`It can't be used yet: ${error.message.split('\n')[0]}.`);
  }
}

function rootOf(command: Command): Command {
  let at = command;
  while (at.parent !== null) at = at.parent;
  return at;
}
