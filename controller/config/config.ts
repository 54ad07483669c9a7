/** Configuration of a controller: a file, then environment variables, then flags, then defaults, checked by the same rules in one place. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timersFromProto } from '../../shared/codec/timers.ts';
import { wordTable } from '../../shared/codec/word-table.ts';
import { LayeredConfig } from '../../shared/config/layers.ts';
import { badField } from '../../shared/errors.ts';
import {
  type Audit as AuditConfig,
  type ControllerConfig,
  ControllerConfigSchema,
  type EtcdAccess as EtcdAccessConfig,
  LogFormat as PbLogFormat,
  LogLevel as PbLogLevel,
  type Retention,
  type Tls,
} from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import {
  formatListenAddress,
  isLoopback,
  type ListenAddress,
  parseListenAddress,
} from '../../shared/listen-address.ts';
import type { LogFormat, LogLevel } from '../../shared/log.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import { fromDuration } from '../../shared/rpc/time-messages.ts';
import type { ProviderSettings } from '../access/oidc/provider-settings.ts';
import { type CertificateLives, DEFAULT_LIVES } from '../access/signer.ts';
import { parseSyslogAddress, type SyslogAddress } from '../audit/syslog-address.ts';
import { DEFAULT_KEEP, type Keep } from '../core/cluster/cluster.ts';
import { checkTimers, DEFAULT_ELECTION_TTL_MS } from '../core/records/timers.ts';
import type { HookSettings } from '../hooks/hook.ts';
import { hookSettings } from '../hooks/hook-config.ts';
import type { EtcdAccess } from '../store/etcd/client.ts';
import { identityProviders } from './identity-providers.ts';

/** Files of the authority. Default: those in the data directory, made at the first start. */
export interface TlsSettings {
  readonly caFile?: string | undefined;
  readonly caKeyFile?: string | undefined;
  readonly wrappingKeyFile?: string | undefined;
  /** Default: DEFAULT_LIVES. */
  readonly lives?: CertificateLives | undefined;
}

/** A configuration with every default filled in. */
export interface ControllerSettings {
  readonly apiListen: ListenAddress;
  readonly agentListen: ListenAddress;
  /** As `openStore` takes it: `sqlite:FILE` or `memory:`. */
  readonly store: string;
  /** Nobody says where the store is: it is in the state folder of whoever runs this. Default: somebody does. */
  readonly storeIsDefault?: boolean | undefined;
  /** Folder for what this controller keeps for itself: its SQLite file, or what it has seen of etcd. Default: none, it keeps nothing. */
  readonly dataDirectory?: string | undefined;
  /** Nobody named that folder. */
  readonly dataDirectoryIsDefault?: boolean | undefined;
  readonly adoptStore: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Timers of `pools/default` when it is created. */
  readonly initialTimers: Timers;
  /** Id among the controllers that share the store. Default: from the name of the host and the port of the API. */
  readonly id?: string | undefined;
  /** Where others reach the listeners, `host:port`. Default: where they listen. */
  readonly apiAdvertise?: string | undefined;
  readonly agentAdvertise?: string | undefined;
  /** Names that the API takes as Host and Origin, beside those that it always takes. Default: none. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** How much is kept of what is over. Default: that of the core. */
  readonly keep?: Keep | undefined;
  /** How long a silent leader keeps the lead. Default 5 s. */
  readonly electionTtlMs?: number | undefined;
  /** Where the audit is sent. Default: nowhere. */
  readonly audit?: AuditSettings | undefined;
  /** Nobody who calls the API is asked who he is. Default: everybody is. */
  readonly open?: boolean | undefined;
  /** Who is told of events. Default: nobody. */
  readonly hooks?: readonly HookSettings[] | undefined;
  /** Whose tokens are taken besides ours. Default: nobody's. */
  readonly identityProviders?: readonly ProviderSettings[] | undefined;
  /** TLS on both listeners. Undefined: plaintext. */
  readonly tls?: TlsSettings | undefined;
  /** Default: plaintext, without a login. */
  readonly etcdAccess?: EtcdAccess | undefined;
}

/** What flags set; a field that is not there leaves the file's. */
export type ControllerFlags = Pick<
  MessageInitShape<typeof ControllerConfigSchema>,
  | 'apiListen'
  | 'agentListen'
  | 'store'
  | 'dataDirectory'
  | 'insecure'
  | 'adoptStore'
  | 'logLevel'
  | 'logFormat'
  | 'id'
  | 'apiAdvertise'
  | 'agentAdvertise'
> & {
  readonly access?: ControllerConfig['access'];
  readonly electionTtl?: ControllerConfig['electionTtl'];
  readonly tls?: ControllerConfig['tls'];
};

/** Where the audit is sent. */
export interface AuditSettings {
  /** Absolute path. */
  readonly file: string | undefined;
  readonly syslog: SyslogAddress | undefined;
}

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

const DEFAULT_API_LISTEN = '127.0.0.1:7400';

/** @throws LocumError INVALID_FIELD or TIMERS_INVALID that names the field, and the line of the file. */
export function loadControllerSettings({ file, flags, env }: ConfigSources): ControllerSettings {
  const layers = controllerLayers({ file, flags, env });
  return layers.located(() => controllerSettings(layers.config, env));
}

/** The same before it is judged, with where each value is from. @throws as `loadControllerSettings` */
export const controllerLayers = ({ file, flags, env }: ConfigSources): LayeredConfig<typeof ControllerConfigSchema> =>
  new LayeredConfig(ControllerConfigSchema, { file, prefix: CONTROLLER_VARIABLES, env, flags });

/** What environment variables for a controller begin with. */
export const CONTROLLER_VARIABLES = 'LOCUM_CONTROLLER_';

function controllerSettings(config: ControllerConfig, env: NodeJS.ProcessEnv): ControllerSettings {
  const electionTtlMs = fromDuration(config.electionTtl);
  const listeners = {
    apiListen: listenAddress('api_listen', config.apiListen || DEFAULT_API_LISTEN),
    agentListen: listenAddress('agent_listen', config.agentListen || '127.0.0.1:7401'),
  };
  return {
    ...listeners,
    store: config.store || `sqlite:${join(dataDirectory(config, env), 'store.sqlite')}`,
    storeIsDefault: config.store === '' && config.dataDirectory === '',
    dataDirectory: dataDirectory(config, env),
    dataDirectoryIsDefault: config.dataDirectory === '',
    adoptStore: config.adoptStore,
    logLevel: logLevels.from.get(config.logLevel) ?? 'info',
    logFormat: logFormats.from.get(config.logFormat) ?? 'auto',
    initialTimers: checkedTimers(timersFromProto(config.initialTimers), electionTtlMs ?? DEFAULT_ELECTION_TTL_MS),
    ...(config.retention === undefined ? {} : { keep: { ...DEFAULT_KEEP, ...definedOf(config.retention) } }),
    ...(config.id === '' ? {} : { id: config.id }),
    ...(config.apiAdvertise === '' ? {} : { apiAdvertise: advertised(config.apiAdvertise, 'api_advertise') }),
    ...(config.agentAdvertise === '' ? {} : { agentAdvertise: advertised(config.agentAdvertise, 'agent_advertise') }),
    ...allowedHosts(config),
    ...(electionTtlMs === undefined ? {} : { electionTtlMs }),
    ...(config.audit === undefined ? {} : { audit: auditSettings(config.audit) }),
    open: openAccess(config),
    ...(config.hooks.length === 0 ? {} : { hooks: hookSettings(config.hooks) }),
    ...identityProviders(config),
    ...tlsSettings(config, Object.values(listeners)),
    ...(config.etcd === undefined ? {} : { etcdAccess: readEtcdAccess(config.etcd) }),
  };
}

/** Where it is asked for, and wherever others than this host can listen in, unless plaintext is meant. */
function tlsSettings(
  { tls, insecure }: Pick<ControllerConfig, 'tls' | 'insecure'>,
  listeners: readonly ListenAddress[],
): Pick<ControllerSettings, 'tls'> {
  if (tls !== undefined) return { tls: authoritySettings(tls) };
  return insecure || listeners.every(({ host }) => isLoopback(host)) ? {} : { tls: {} };
}

function authoritySettings(tls: Tls): TlsSettings {
  const { caFile, caKeyFile, wrappingKeyFile } = tls;
  if ((caFile === '') !== (caKeyFile === '')) {
    throw badField('INVALID_FIELD', 'tls', 'ca_file and ca_key_file belong together: give both, or neither');
  }
  return {
    ...(caFile === '' ? {} : { caFile: resolve(caFile), caKeyFile: resolve(caKeyFile) }),
    ...(wrappingKeyFile === '' ? {} : { wrappingKeyFile: resolve(wrappingKeyFile) }),
    ...livesIn(tls),
  };
}

function livesIn({ serverCertificateLife, controllerCertificateLife }: Tls): Pick<TlsSettings, 'lives'> {
  if (serverCertificateLife === undefined && controllerCertificateLife === undefined) return {};
  const { serverMs, controllerMs } = DEFAULT_LIVES;
  return {
    lives: {
      serverMs: fromDuration(serverCertificateLife) ?? serverMs,
      controllerMs: fromDuration(controllerCertificateLife) ?? controllerMs,
    },
  };
}

/** Whoever reaches an open API runs programs on every server; that much is known of loopback only. */
function openAccess({ access, apiListen, insecure }: ControllerConfig): boolean {
  if (access?.open !== true) return false;
  const listen = parseListenAddress(apiListen || DEFAULT_API_LISTEN);
  if (insecure || (listen.kind === 'ok' && isLoopback(listen.address.host))) return true;
  const description = `${apiListen} can be reached from other hosts: whoever reaches an open API runs programs on every server. Leave out open, or repeat with --insecure`;
  throw badField('INVALID_FIELD', 'access.open', description);
}

function listenAddress(field: string, text: string): ListenAddress {
  const parsed = parseListenAddress(text);
  if (parsed.kind === 'error') throw badField('INVALID_FIELD', field, parsed.description);
  return parsed.address;
}

const definedOf = ({ events, endedRuns, audit }: Retention): Partial<Keep> => ({
  ...(events === undefined ? {} : { events }),
  ...(endedRuns === undefined ? {} : { endedRuns }),
  ...(audit === undefined ? {} : { audit }),
});

function auditSettings({ file, syslog }: AuditConfig): AuditSettings {
  const address = syslog === '' ? undefined : parseSyslogAddress(syslog);
  if (syslog !== '' && address === undefined) {
    throw badField(
      'INVALID_FIELD',
      'audit.syslog',
      `${JSON.stringify(syslog)} is not udp:HOST:PORT, tcp:HOST:PORT or unix:/PATH`,
    );
  }
  return { file: file === '' ? undefined : resolve(file), syslog: address };
}

/** Where the state is kept when nobody says where. */
function dataDirectory({ dataDirectory }: ControllerConfig, env: NodeJS.ProcessEnv): string {
  return resolve(dataDirectory || join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'locum'));
}

function advertised(text: string, field: string): string {
  const parsed = parseListenAddress(text);
  if (parsed.kind === 'error') throw badField('INVALID_FIELD', field, parsed.description);
  if (parsed.address.port === 0) throw badField('INVALID_FIELD', field, 'port 0 can not be reached: name the port');
  return formatListenAddress(parsed.address);
}

/** The other controllers dial the host of `api_advertise`: where a Host is judged, that one is allowed too. */
function allowedHosts({
  allowedHosts,
  apiListen,
  apiAdvertise,
}: ControllerConfig): Pick<ControllerSettings, 'allowedHosts'> {
  const listen = parseListenAddress(apiListen || DEFAULT_API_LISTEN);
  const judged = allowedHosts.length > 0 || (listen.kind === 'ok' && isLoopback(listen.address.host));
  const own = parseListenAddress(apiAdvertise);
  const hosts = judged && own.kind === 'ok' ? [...allowedHosts, own.address.host] : allowedHosts;
  return hosts.length === 0 ? {} : { allowedHosts: hosts };
}

function readEtcdAccess({ tls, caFile, certFile, keyFile, user, passwordFile }: EtcdAccessConfig): EtcdAccess {
  const pem = { ...fileAs('ca', caFile), ...fileAs('cert', certFile), ...fileAs('key', keyFile) };
  const [password = ''] = passwordFile === '' ? [] : readFileSync(passwordFile, 'utf8').split(/\r?\n/);
  return {
    ...(tls || Object.keys(pem).length > 0 ? { tls: pem } : {}),
    ...(user === '' ? {} : { login: { user, password } }),
  };
}

const fileAs = (field: 'ca' | 'cert' | 'key', file: string): Record<string, string> =>
  file === '' ? {} : { [field]: readFileSync(file, 'utf8') };

function checkedTimers(timers: Timers, electionTtlMs: number): Timers {
  const check = checkTimers(timers, { electionTtlMs });
  if (check.kind === 'error') throw badField('TIMERS_INVALID', 'initial_timers', check.detail);
  return timers;
}
