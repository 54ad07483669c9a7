/** `locum context list`. */
import { create, toJsonString } from '@bufbuild/protobuf';
import {
  type CliConfig,
  CliConfigSchema,
  type CliContext,
  type CliLogin,
} from '../../shared/gen/locum/config/v1/cli_config_pb.ts';
import type { Globals } from '../globals.ts';
import { lookOf, printLine, tell, warn } from '../output/print.ts';
import { type Column, cell, Table } from '../output/table.ts';
import { DEFAULT_ADDRESS } from './addresses.ts';
import { configPath, exposureOf, readConfigFile } from './config-file.ts';
import { maskedToken } from './masked.ts';

interface Row extends CliContext {
  readonly name: string;
  readonly isCurrent: boolean;
}

const columns: readonly Column<Row>[] = [
  { head: '', cell: ({ isCurrent }) => (isCurrent ? cell('*', 'good') : ' ') },
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'ADDRESSES', cell: ({ addresses }) => (addresses.length === 0 ? DEFAULT_ADDRESS : addresses.join(',')) },
  { head: 'TLS', cell: ({ tls, caFile, tlsDirectory }) => tlsDirectory || caFile || (tls ? 'yes' : 'no') },
  { head: 'AS', cell: whoOf },
];

function whoOf({ token, tokenFile, tokenCommand, certFile, tlsDirectory }: CliContext): string {
  if (token !== '') return `token ${maskedToken(token)}`;
  if (tokenFile !== '') return `token in ${tokenFile}`;
  if (tokenCommand !== '') return `token of ${tokenCommand}`;
  return certFile !== '' || tlsDirectory !== '' ? 'certificate' : '';
}

export async function list(globals: Pick<Globals, 'output' | 'columns' | 'sort'>): Promise<void> {
  const path = configPath(process.env);
  const config = (await readConfigFile(path)) ?? create(CliConfigSchema);
  const warning = exposureOf(path);
  if (warning !== undefined) warn(warning);
  const { contexts, currentContext } = config;
  const rows = Object.entries(contexts)
    .map(([name, context]) => ({ ...context, name, isCurrent: name === currentContext }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  switch (globals.output) {
    case 'json':
      return printLine(
        toJsonString(CliConfigSchema, maskedConfig(config), { prettySpaces: 2, useProtoFieldName: true }),
      );
    case 'name':
      for (const { name } of rows) printLine(name);
      return undefined;
    case 'yaml':
      return printLine(await yamlOf(maskedConfig(config)));
    case 'table':
    case 'wide':
      if (rows.length > 0) return printLine(new Table(columns, lookOf(globals)).render(rows));
      return tell(`No contexts in ${path}.\n"locum context set NAME --address HOST:PORT" makes one.`);
  }
}

export const maskedContext = (context: CliContext): CliContext => ({
  ...context,
  ...(context.token === '' ? {} : { token: maskedToken(context.token) }),
  ...(context.login === undefined ? {} : { login: maskedLogin(context.login) }),
});

const maskedLogin = (login: CliLogin): CliLogin => ({
  ...login,
  token: login.token === '' ? '' : maskedToken(login.token),
  refreshToken: login.refreshToken === '' ? '' : maskedToken(login.refreshToken),
});

const maskedConfig = (config: CliConfig): CliConfig => ({
  ...config,
  contexts: Object.fromEntries(Object.entries(config.contexts).map(([name, one]) => [name, maskedContext(one)])),
});

async function yamlOf(config: CliConfig): Promise<string> {
  const [{ toJson }, { stringify }] = await Promise.all([import('@bufbuild/protobuf'), import('yaml')]);
  return stringify(toJson(CliConfigSchema, config, { useProtoFieldName: true })).trimEnd();
}
