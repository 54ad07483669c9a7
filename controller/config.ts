/** Configuration of a controller: a file, then flags, then defaults, checked by the same rules in one place. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { badField } from '../shared/errors.ts';
import {
  type ControllerConfig,
  ControllerConfigSchema,
  LogFormat as PbLogFormat,
  LogLevel as PbLogLevel,
} from '../shared/gen/locum/config/v1/controller_config_pb.ts';
import { type ListenAddress, plaintextListenAddress } from '../shared/listen-address.ts';
import type { LogFormat, LogLevel } from '../shared/log.ts';
import { parseStrict } from '../shared/rpc/strict-json.ts';
import { validate } from '../shared/rpc/validation.ts';
import { timersFromProto } from './codec/timers.ts';
import { wordTable } from './codec/word-table.ts';
import { checkTimers, type Timers } from './core/timers.ts';

/** Election of the embedded stores takes no time; the inequality of the timers still needs the figure that etcd would have. */
const ELECTION_TTL_MS = 5_000;

/** A configuration with every default filled in. */
export interface ControllerSettings {
  readonly apiListen: ListenAddress;
  readonly agentListen: ListenAddress;
  /** As `openStore` takes it: `sqlite:FILE` or `memory:`. */
  readonly store: string;
  readonly adoptStore: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Timers of `pools/default` when it is created. */
  readonly initialTimers: Timers;
}

/** What flags set; a field that is not there leaves the file's. */
export type ControllerFlags = Pick<
  MessageInitShape<typeof ControllerConfigSchema>,
  'apiListen' | 'agentListen' | 'store' | 'dataDirectory' | 'insecure' | 'adoptStore' | 'logLevel' | 'logFormat'
>;

export interface ConfigSources {
  /** Path of a YAML file. Default: none. */
  readonly file?: string | undefined;
  readonly flags: ControllerFlags;
  /** Environment of this process. */
  readonly env: NodeJS.ProcessEnv;
}

const logLevels = wordTable<Exclude<LogLevel, 'silent'>, PbLogLevel>({
  debug: PbLogLevel.DEBUG,
  info: PbLogLevel.INFO,
  warn: PbLogLevel.WARN,
  error: PbLogLevel.ERROR,
});

const logFormats = wordTable<LogFormat, PbLogFormat>({
  auto: PbLogFormat.UNSPECIFIED,
  json: PbLogFormat.JSON,
  pretty: PbLogFormat.PRETTY,
});

/** @throws LocumError INVALID_FIELD or TIMERS_INVALID that names the field, and the line of the file. */
export function loadControllerSettings({ file, flags, env }: ConfigSources): ControllerSettings {
  const fromFile =
    file === undefined
      ? create(ControllerConfigSchema)
      : parseStrict(ControllerConfigSchema, readFileSync(file, 'utf8'), { source: file });
  const config = create(ControllerConfigSchema, { ...fromFile, ...flags });
  validate(ControllerConfigSchema, config);
  return {
    apiListen: listenAddress(config, 'api_listen', config.apiListen || '127.0.0.1:7400'),
    agentListen: listenAddress(config, 'agent_listen', config.agentListen || '127.0.0.1:7401'),
    store: config.store || `sqlite:${join(dataDirectory(config, env), 'store.sqlite')}`,
    adoptStore: config.adoptStore,
    logLevel: logLevels.from.get(config.logLevel) ?? 'info',
    logFormat: logFormats.from.get(config.logFormat) ?? 'auto',
    initialTimers: checkedTimers(timersFromProto(config.initialTimers)),
  };
}

function listenAddress({ insecure }: ControllerConfig, field: string, text: string): ListenAddress {
  const parsed = plaintextListenAddress(text, { insecure });
  if (parsed.kind === 'error') throw badField('INVALID_FIELD', field, parsed.description);
  return parsed.address;
}

/** Where the state is kept when nobody says where. */
function dataDirectory({ dataDirectory }: ControllerConfig, env: NodeJS.ProcessEnv): string {
  return resolve(dataDirectory || join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'locum'));
}

function checkedTimers(timers: Timers): Timers {
  const check = checkTimers(timers, { electionTtlMs: ELECTION_TTL_MS });
  if (check.kind === 'error') throw badField('TIMERS_INVALID', 'initial_timers', check.detail);
  return timers;
}
