/** `locum config print`: YAML that is a configuration file again, each value with where it is from behind it. */
import { type DescMessage, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf';
import { AGENT_VARIABLES, agentLayers } from '../../agent/config.ts';
import { effectiveAgent } from '../../agent/effective.ts';
import { CONTROLLER_VARIABLES, controllerLayers } from '../../controller/config/config.ts';
import { effectiveController } from '../../controller/config/effective.ts';
import { innerOf, settingsOf } from '../../shared/config/environment.ts';
import { isObject } from '../../shared/config/json-merge.ts';
import type { Origin } from '../../shared/config/layers.ts';
import { AgentConfigSchema } from '../../shared/gen/locum/config/v1/agent_config_pb.ts';
import { ControllerConfigSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { type AgentOptions, flagsOf as agentFlags } from '../agent/flags.ts';
import { type ControllerOptions, flagsOf as controllerFlags } from '../controller/flags.ts';
import type { Globals } from '../globals.ts';
import { printLine } from '../output/print.ts';
import { withShortWords } from '../policy/manifest.ts';

export interface PrintOptions {
  readonly effective?: boolean;
}

/** Flags whose name is not that of their field. */
const FLAGS: Readonly<Record<string, string>> = {
  data_directory: '--data-dir',
  state_directory: '--state-dir',
  tls_directory: '--tls-dir',
  capabilities: '--capability',
};

const HIDDEN = '(hidden)';
/** Values of these may be secrets of workloads. */
const SECRET_MAPS: ReadonlySet<string> = new Set(['base_env']);

export async function printController(globals: Globals, options: ControllerOptions & PrintOptions): Promise<void> {
  const sources = { file: options.config, flags: controllerFlags(options), env: process.env };
  const layers = controllerLayers(sources);
  const json =
    options.effective === true ? effectiveController(sources) : jsonOf(ControllerConfigSchema, layers.config);
  await printSettings(globals, ControllerConfigSchema, CONTROLLER_VARIABLES, json, (path) => layers.originOf(path));
}

export async function printAgent(globals: Globals, options: AgentOptions & PrintOptions): Promise<void> {
  const sources = { file: options.config, flags: agentFlags(options), env: process.env };
  const layers = agentLayers(sources);
  const json = options.effective === true ? effectiveAgent(sources) : jsonOf(AgentConfigSchema, layers.config);
  await printSettings(globals, AgentConfigSchema, AGENT_VARIABLES, json, (path) => layers.originOf(path));
}

const jsonOf = (schema: DescMessage, message: Parameters<typeof toJson>[1]): JsonValue =>
  toJson(schema, message, { useProtoFieldName: true });

/** A value that is set, by its path. */
interface Row {
  readonly field: string;
  readonly value: JsonValue;
  readonly from: string;
}

async function printSettings(
  { output }: Pick<Globals, 'output'>,
  schema: DescMessage,
  prefix: string,
  json: JsonValue,
  originOf: (path: string) => Origin,
): Promise<void> {
  const shown = withoutSecrets(withShortWords(schema, json));
  const rows: Row[] = settingsOf(schema, prefix).flatMap(({ path, field }) => {
    const value = valueAt(shown, path);
    const isLeaf = innerOf(field) === undefined || (isObject(value) && Object.keys(value).length === 0);
    return value === undefined || !isLeaf ? [] : [{ field: path, value, from: originText(path, originOf(path)) }];
  });
  if (output === 'json') return printLine(JSON.stringify({ settings: rows }, null, 2));
  if (output === 'name') return printLine(rows.map(({ field }) => field).join('\n'));
  const { Document, isCollection, isNode } = await import('yaml');
  const document = new Document(shown);
  for (const { field, from } of rows) {
    const node = document.getIn(field.split('.'), true);
    // In one line, with its place at the end of it.
    if (isCollection(node)) node.flow = true;
    if (isNode(node)) node.comment = ` ${from}`;
  }
  printLine(document.toString({ lineWidth: 0 }).trimEnd());
}

function valueAt(json: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = json;
  for (const name of path.split('.')) value = isObject(value) ? value[name] : undefined;
  return value;
}

function originText(path: string, origin: Origin): string {
  switch (origin.kind) {
    case 'flag':
      return FLAGS[path] ?? `--${(path.split('.')[0] ?? '').replaceAll('_', '-')}`;
    case 'environment':
    case 'file':
      return origin.at;
    case 'default':
      return 'default';
  }
}

/** Names of secrets are shown, and that there is a login in an address. */
function withoutSecrets(json: JsonObject): JsonObject {
  const entries = Object.entries(json).map(([name, value]): [string, JsonValue] => {
    if (SECRET_MAPS.has(name) && isObject(value)) {
      return [name, Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN]))];
    }
    if (isObject(value)) return [name, withoutSecrets(value)];
    return [name, typeof value === 'string' ? value.replace(/\/\/[^/@]*@/, `//${HIDDEN}@`) : value];
  });
  return Object.fromEntries(entries);
}
