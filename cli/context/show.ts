/** `locum context show`: one context as the file has it, or what a command would use. */
import { toJson } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { present } from '../../shared/assert.ts';
import { CliContextSchema } from '../../shared/gen/locum/config/v1/cli_config_pb.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { globalsOf } from '../globals.ts';
import { printLine, tell } from '../output/print.ts';
import { cell, Table } from '../output/table.ts';
import { configPath, readConfigFile } from './config-file.ts';
import type { Sourced, TlsFiles, TokenSource } from './layers.ts';
import { maskedContext } from './list.ts';
import { maskedToken } from './masked.ts';
import { type Destination, noContext, targetOf } from './target.ts';

export async function show(command: Command, given: string | undefined): Promise<void> {
  const config = await readConfigFile(configPath(process.env));
  const name = given ?? (await targetOf(rootOf(command), process.env)).context?.value;
  if (name === undefined) {
    throw new CommandFailure('no context is used here\n"locum context list" shows those there are.', EXIT.notFound);
  }
  const context = config?.contexts[name];
  if (context === undefined) throw noContext(name, Object.keys(config?.contexts ?? {}));
  const shown = toJson(CliContextSchema, maskedContext(context), { useProtoFieldName: true });
  const isJson = globalsOf(command).output === 'json';
  printLine(isJson ? JSON.stringify(shown, undefined, 2) : stringify(shown).trimEnd());
}

/** One line of what counts: field, value, and where it comes from. */
interface Row {
  readonly field: string;
  readonly value: string;
  readonly from: string;
}

export async function showEffective(command: Command, given: string | undefined): Promise<void> {
  const root = rootOf(command);
  // As if it stood behind --context.
  if (given !== undefined) root.setOptionValueWithSource('context', given, 'cli');
  const target = await targetOf(root, process.env);
  const rows = rowsOf(target);
  if (globalsOf(command).output === 'json') {
    const fields = rows.map(({ field, value, from }) => [field, { value, from }] as const);
    return printLine(JSON.stringify(Object.fromEntries(fields), undefined, 2));
  }
  const columns = [
    { head: 'FIELD', cell: ({ field }: Row) => field },
    { head: 'VALUE', cell: ({ value }: Row) => value },
    { head: 'FROM', cell: ({ from }: Row) => cell(from, 'dim') },
  ];
  printLine(new Table<Row>(columns, { wide: false }).render(rows));
  for (const note of notesOf(target)) tell(note);
}

function rowsOf({ context, address, tls, token, output }: Destination): readonly Row[] {
  return [
    row('context', context, (name) => name),
    row('address', address, (addresses) => addresses.join(',')),
    row('tls', tls, tlsText),
    row('token', token, tokenText),
    row('output', output, (form) => form),
  ];
}

function row<T>(field: string, sourced: Sourced<T> | undefined, text: (value: T) => string): Row {
  return sourced === undefined
    ? { field, value: 'none', from: 'default' }
    : { field, value: text(sourced.value), from: sourced.from };
}

function tlsText({ folder, caFile, certFile, keyFile }: TlsFiles): string {
  if (folder !== undefined) return `all of ${folder}`;
  const own = certFile === undefined ? '' : `, as ${certFile} with ${keyFile}`;
  return `${caFile ?? "the system's authorities"}${own}`;
}

function tokenText(source: TokenSource): string {
  if (source.kind === 'text') return maskedToken(source.token);
  if (source.kind === 'login') return 'that of the last "locum login"';
  return source.kind === 'command' ? `what this prints: ${source.command}` : `in ${source.path}`;
}

function notesOf({ leftOut, outOfReach, warning }: Destination): readonly string[] {
  return [
    ...(leftOut === undefined ? [] : [`Context ${leftOut} does not count: the address is none of its own.`]),
    ...(outOfReach === undefined ? [] : [`This user may not look into ${outOfReach}, the token of this host.`]),
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
  ];
}

function rootOf(command: Command): Command {
  let at = command;
  while (at.parent !== null) at = present(at.parent, 'a parent');
  return at;
}
