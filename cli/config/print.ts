/** `locum config print`: YAML that is a configuration file again, each value with where it is from behind it. */
import { type DescMessage, type JsonValue, toJson } from '@bufbuild/protobuf';
import { AGENT_VARIABLES, agentLayers } from '../../agent/config.ts';
import { effectiveAgent } from '../../agent/effective.ts';
import { CONTROLLER_VARIABLES, controllerLayers } from '../../controller/config/config.ts';
import { AgentConfigSchema } from '../../shared/gen/locum/config/v1/agent_config_pb.ts';
import { ControllerConfigSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { type AgentOptions, flagsOf as agentFlags } from '../agent/flags.ts';
import { type ControllerOptions, flagsOf as controllerFlags } from '../controller/flags.ts';
import type { Globals } from '../globals.ts';
import { printLine } from '../output/print.ts';
import { effectiveControllerConfig, type ShownConfig, shownConfig } from './settings.ts';

export interface PrintOptions {
  readonly effective?: boolean;
}

export async function printController(globals: Globals, options: ControllerOptions & PrintOptions): Promise<void> {
  if (options.effective === true) return printConfig(globals, effectiveControllerConfig(options));
  const layers = controllerLayers({ file: options.config, flags: controllerFlags(options), env: process.env });
  const json = jsonOf(ControllerConfigSchema, layers.config);
  const sources = { schema: ControllerConfigSchema, prefix: CONTROLLER_VARIABLES, json };
  await printConfig(globals, shownConfig({ ...sources, originOf: (path) => layers.originOf(path) }));
}

export async function printAgent(globals: Globals, options: AgentOptions & PrintOptions): Promise<void> {
  const given = { file: options.config, flags: agentFlags(options), env: process.env };
  const layers = agentLayers(given);
  const json = options.effective === true ? effectiveAgent(given) : jsonOf(AgentConfigSchema, layers.config);
  const sources = { schema: AgentConfigSchema, prefix: AGENT_VARIABLES, json };
  await printConfig(globals, shownConfig({ ...sources, originOf: (path) => layers.originOf(path) }));
}

const jsonOf = (schema: DescMessage, message: Parameters<typeof toJson>[1]): JsonValue =>
  toJson(schema, message, { useProtoFieldName: true });

async function printConfig({ output }: Pick<Globals, 'output'>, { json, rows }: ShownConfig): Promise<void> {
  if (output === 'json') return printLine(JSON.stringify({ settings: rows }, null, 2));
  if (output === 'name') return printLine(rows.map(({ field }) => field).join('\n'));
  const { Document, isCollection, isNode } = await import('yaml');
  const document = new Document(json);
  for (const { field, from } of rows) {
    const node = document.getIn(field.split('.'), true);
    // In one line, with its place at the end of it.
    if (isCollection(node)) node.flow = true;
    if (isNode(node)) node.comment = ` ${from}`;
  }
  printLine(document.toString({ lineWidth: 0 }).trimEnd());
}
