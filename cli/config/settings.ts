/** The values of a configuration, without secrets, each with where it is from. */
import type { DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { CONTROLLER_VARIABLES, controllerLayers } from '../../controller/config/config.ts';
import { effectiveController } from '../../controller/config/effective.ts';
import { innerOf, settingsOf } from '../../shared/config/environment.ts';
import { isJsonObject } from '../../shared/config/json-merge.ts';
import type { Origin } from '../../shared/config/layers.ts';
import { jsonWithoutSecrets } from '../../shared/config/secrets.ts';
import { ControllerConfigSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { type ControllerOptions, flagsOf } from '../controller/flags.ts';
import { withShortWords } from '../policy/manifest.ts';

/** Flags whose name is not that of their field. */
const FLAGS: Readonly<Record<string, string>> = {
  data_directory: '--data-dir',
  state_directory: '--state-dir',
  tls_directory: '--tls-dir',
  capabilities: '--capability',
  'access.open': '--open',
};

/** A value that is set, by its path. */
export interface SettingRow {
  readonly field: string;
  readonly value: JsonValue;
  readonly from: string;
}

export interface ShownConfig {
  /** As a file would have it. */
  readonly json: JsonObject;
  readonly rows: readonly SettingRow[];
}

export interface Sources {
  readonly schema: DescMessage;
  /** What its environment variables begin with. */
  readonly prefix: string;
  /** By the names of the proto. */
  readonly json: JsonValue;
  readonly originOf: (path: string) => Origin;
}

export function shownConfig({ schema, prefix, json, originOf }: Sources): ShownConfig {
  const shown = withShortWords(schema, jsonWithoutSecrets(schema, json));
  const rows = settingsOf(schema, prefix).flatMap(({ path, field }): SettingRow[] => {
    const value = valueAt(shown, path);
    const isLeaf = innerOf(field) === undefined || (isJsonObject(value) && Object.keys(value).length === 0);
    return value === undefined || !isLeaf ? [] : [{ field: path, value, from: originText(path, originOf(path)) }];
  });
  return { json: shown, rows };
}

/** What a controller with these flags, in this environment, runs with. @throws LocumError as `loadControllerSettings` */
export function effectiveControllerConfig(options: ControllerOptions): ShownConfig {
  const sources = { file: options.config, flags: flagsOf(options), env: process.env };
  const layers = controllerLayers(sources);
  return shownConfig({
    schema: ControllerConfigSchema,
    prefix: CONTROLLER_VARIABLES,
    json: effectiveController(sources),
    originOf: (path) => layers.originOf(path),
  });
}

function valueAt(json: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = json;
  for (const name of path.split('.')) value = isJsonObject(value) ? value[name] : undefined;
  return value;
}

/** What sets a field on the command line, where there is such a flag: `--audit` for `audit.file`. */
export const flagOf = (path: string): string => FLAGS[path] ?? `--${(path.split('.')[0] ?? '').replaceAll('_', '-')}`;

function originText(path: string, origin: Origin): string {
  switch (origin.kind) {
    case 'flag':
      return flagOf(path);
    case 'environment':
    case 'file':
      return origin.at;
    case 'default':
      return 'default';
  }
}
