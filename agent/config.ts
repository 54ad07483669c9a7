/** Configuration of an agent: a file, then environment variables, then flags, then defaults, checked by the same rules in one place. */
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { LayeredConfig } from '../shared/config/layers.ts';
import { badField } from '../shared/errors.ts';
import {
  type AgentConfig,
  AgentConfigSchema,
  type SaturationMarks as MarksMessage,
  type OutputLimits as OutputMessage,
  type Probe as ProbeMessage,
  type Secrets as SecretsMessage,
} from '../shared/gen/locum/config/v1/agent_config_pb.ts';
import {
  LogFormat as LogFormatEnum,
  LogLevel as LogLevelEnum,
} from '../shared/gen/locum/config/v1/controller_config_pb.ts';
import { isLoopback, type ListenAddress, parseListenAddress } from '../shared/listen-address.ts';
import type { LogFormat, LogLevel } from '../shared/log.ts';
import { unprintableProblem } from '../shared/printable.ts';
import { fromDuration } from '../shared/rpc/time-messages.ts';
import { SECOND } from '../shared/time.ts';

export interface Probe {
  readonly name: string;
  readonly argv: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** In percent. `high` 0: never saturated by it. */
export interface Marks {
  readonly high: number;
  readonly low: number;
}

/** How much output is kept. Undefined: the keeper's default. */
export interface OutputSettings {
  readonly segmentBytes: number | undefined;
  readonly segments: number | undefined;
  readonly newest: number | undefined;
  readonly policyBytes: number | undefined;
  readonly hostBytes: number | undefined;
  readonly maxAgeMs: number | undefined;
}

/** A configuration with every default filled in. */
export interface AgentSettings {
  readonly server: string;
  readonly pool: string;
  readonly controllers: readonly string[];
  readonly stateDir: string;
  /** Undefined: none. */
  readonly maxSlots: number | undefined;
  readonly capabilities: Readonly<Record<string, string>>;
  readonly probes: readonly Probe[];
  readonly saturation: { readonly cpu: Marks; readonly memory: Marks };
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly secrets: SecretSettings;
  readonly output: OutputSettings;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Empty: the host's own. */
  readonly machineId: string;
  /** Empty: the host's vmclock, if it has one. */
  readonly vmGenerationFile: string;
  /** Somebody else starts the keeper. */
  readonly externalKeeper: boolean;
  /** Undefined: metrics are shown nowhere. On loopback. */
  readonly metricsListen: ListenAddress | undefined;
  /** Empty: in the state directory. */
  readonly metricsTokenFile: string;
  /** Folder of the certificate. */
  readonly tlsDir?: string | undefined;
  /** Somebody named that folder: then a certificate must be there. */
  readonly tlsDirIsNamed?: boolean | undefined;
}

/** What policies may take as values of environment variables. */
export interface SecretSettings {
  readonly directories: readonly string[];
  /** Of the variables that may be taken, those that are there. */
  readonly agentEnv: Readonly<Record<string, string>>;
}

const DEFAULT_SECRETS = '/etc/locum/secrets';

/** What flags set; a field that is not there leaves the file's. */
export type AgentFlags = Pick<
  MessageInitShape<typeof AgentConfigSchema>,
  | 'server'
  | 'pool'
  | 'controllers'
  | 'stateDirectory'
  | 'maxSlots'
  | 'capabilities'
  | 'logLevel'
  | 'logFormat'
  | 'machineId'
  | 'vmGenerationFile'
  | 'externalKeeper'
  | 'tlsDirectory'
  | 'metricsListen'
>;

/** What a host was told when it joined. */
export interface JoinedSettings {
  readonly server: string;
  readonly pool: string;
  readonly controllers: readonly string[];
}

export interface ConfigSources {
  /** Path of a YAML file. Default: none. */
  readonly file?: string | undefined;
  readonly flags: AgentFlags;
  /** Taken where neither file nor flags say anything. Default: it has not joined. */
  readonly joined?: JoinedSettings | undefined;
  /** Environment of this process. */
  readonly env: NodeJS.ProcessEnv;
}

/** @throws LocumError INVALID_FIELD that names the field, and the line of the file. */
export function loadAgentSettings({ file, flags, env, joined }: ConfigSources): AgentSettings {
  const layers = agentLayers({ file, flags, env });
  return layers.located(() => {
    checkTold(layers.config);
    return settingsFrom(joined === undefined ? layers.config : afterJoining(layers.config, joined), env);
  });
}

/** What was settled when the host joined stands where nobody says anything else. */
const afterJoining = (config: AgentConfig, { server, pool, controllers }: JoinedSettings): AgentConfig => ({
  ...config,
  server: config.server || server,
  pool: config.pool || pool,
  controllers: config.controllers.length === 0 ? [...controllers] : config.controllers,
});

/** The same before it is judged, with where each value is from. Facts and variables are added to one by one. @throws as `loadAgentSettings` */
export const agentLayers = ({ file, flags, env }: ConfigSources): LayeredConfig<typeof AgentConfigSchema> =>
  new LayeredConfig(AgentConfigSchema, { file, prefix: AGENT_VARIABLES, env, flags });

/** What environment variables for an agent begin with. */
export const AGENT_VARIABLES = 'LOCUM_AGENT_';

/** What controllers are told must be such that they take it; else they would refuse this agent each time. */
function checkTold({ capabilities, machineId }: AgentConfig): void {
  const texts = Object.entries(capabilities).map(([name, value]) => [`capabilities["${name}"]`, value] as const);
  for (const [field, text] of [...texts, ['machine_id', machineId] as const]) {
    const problem = unprintableProblem(text);
    if (problem !== undefined) throw badField('INVALID_FIELD', field, problem);
  }
}

function settingsFrom(config: AgentConfig, env: NodeJS.ProcessEnv): AgentSettings {
  const controllers = config.controllers.length === 0 ? ['127.0.0.1:7401'] : config.controllers;
  controllers.forEach(checkEndpoint);
  const stateDir = resolve(config.stateDirectory === '' ? defaultStateDir(env) : config.stateDirectory);
  return {
    server: config.server === '' ? serverIdFrom(hostname()) : config.server,
    pool: config.pool === '' ? 'default' : config.pool,
    controllers,
    stateDir,
    tlsDir: config.tlsDirectory === '' ? join(stateDir, 'tls') : resolve(config.tlsDirectory),
    tlsDirIsNamed: config.tlsDirectory !== '',
    maxSlots: config.maxSlots,
    capabilities: config.capabilities,
    probes: config.probes.map(probeFrom),
    saturation: saturationFrom(config.saturation),
    baseEnv: Object.keys(config.baseEnv).length === 0 ? defaultBaseEnv(env) : config.baseEnv,
    secrets: secretsFrom(config.secrets, env),
    output: outputFrom(config.output),
    logLevel: logLevelFrom(config.logLevel),
    logFormat: logFormatFrom(config.logFormat),
    machineId: config.machineId,
    externalKeeper: config.externalKeeper,
    metricsListen: metricsListenFrom(config.metricsListen),
    metricsTokenFile: config.metricsTokenFile === '' ? '' : resolve(config.metricsTokenFile),
    vmGenerationFile: config.vmGenerationFile === '' ? '' : resolve(config.vmGenerationFile),
  };
}

function checkEndpoint(endpoint: string, i: number): void {
  const parsed = parseListenAddress(endpoint);
  if (parsed.kind === 'error') throw badField('INVALID_FIELD', `controllers[${i}]`, parsed.description);
  if (parsed.address.port === 0)
    throw badField('INVALID_FIELD', `controllers[${i}]`, 'port 0 is nowhere to connect to');
}

function metricsListenFrom(text: string): ListenAddress | undefined {
  if (text === '') return undefined;
  const parsed = parseListenAddress(text);
  if (parsed.kind === 'error') throw badField('INVALID_FIELD', 'metrics_listen', parsed.description);
  if (isLoopback(parsed.address.host)) return parsed.address;
  const why = 'is no address of loopback: metrics are shown in plaintext, so to this host alone; write 127.0.0.1:7403';
  throw badField('INVALID_FIELD', 'metrics_listen', `${text} ${why}`);
}

/** An id from the host's name: its first label, with what an id can not hold replaced. */
export function serverIdFrom(host: string): string {
  const label = (host.split('.')[0] ?? '').toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-');
  const id = (/^[a-z]/.test(label) ? label : `server-${label}`).slice(0, 63).replaceAll(/-+$/g, '');
  return id === '' ? 'server' : id;
}

/** Where an agent keeps its state when nobody says where. */
export function defaultStateDir(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'locum-agent');
}

/** Enough to find programs, and nothing that is a secret of whoever started the agent. */
function defaultBaseEnv(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const names = ['PATH', 'HOME', 'LANG', 'TZ'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

function secretsFrom(secrets: SecretsMessage | undefined, env: NodeJS.ProcessEnv): SecretSettings {
  if (secrets === undefined) return { directories: [DEFAULT_SECRETS], agentEnv: {} };
  const given = secrets.agentEnv.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return {
    directories: secrets.directories.map((directory) => resolve(directory)),
    agentEnv: Object.fromEntries(given),
  };
}

/** With the time that an answer may take, and the next heartbeat, a gain or loss is known to the leader within a minute. */
export const PROBE_EVERY_MS = 40 * SECOND;
const PROBE_TIMEOUT_MS = 10 * SECOND;

function probeFrom({ name, argv, interval, timeout }: ProbeMessage): Probe {
  return {
    name,
    argv,
    intervalMs: fromDuration(interval) ?? PROBE_EVERY_MS,
    timeoutMs: fromDuration(timeout) ?? PROBE_TIMEOUT_MS,
  };
}

function saturationFrom(marks: MarksMessage | undefined): AgentSettings['saturation'] {
  return {
    cpu: marksFrom('cpu', marks?.cpuHigh ?? 0, marks?.cpuLow),
    memory: marksFrom('memory', marks?.memoryHigh ?? 95, marks?.memoryLow),
  };
}

function marksFrom(name: string, high: number, low: number = Math.max(0, high - 10)): Marks {
  if (low > high) {
    throw badField('INVALID_FIELD', `saturation.${name}_low`, `${low} is above the high mark, which is ${high}`);
  }
  return { high, low };
}

function outputFrom(limits: OutputMessage | undefined): OutputSettings {
  const { segmentBytes, segments, newest, policyBytes, hostBytes, maxAge } = limits ?? {};
  return {
    ...{ segmentBytes, segments, newest, maxAgeMs: fromDuration(maxAge) },
    policyBytes: policyBytes === undefined ? undefined : Number(policyBytes),
    hostBytes: hostBytes === undefined ? undefined : Number(hostBytes),
  };
}

function logLevelFrom(level: LogLevelEnum): LogLevel {
  switch (level) {
    case LogLevelEnum.DEBUG:
      return 'debug';
    case LogLevelEnum.WARN:
      return 'warn';
    case LogLevelEnum.ERROR:
      return 'error';
    case LogLevelEnum.INFO:
    case LogLevelEnum.UNSPECIFIED:
      return 'info';
    default:
      return 'info';
  }
}

function logFormatFrom(format: LogFormatEnum): LogFormat {
  switch (format) {
    case LogFormatEnum.JSON:
      return 'json';
    case LogFormatEnum.PRETTY:
      return 'pretty';
    case LogFormatEnum.UNSPECIFIED:
      return 'auto';
    default:
      return 'auto';
  }
}
