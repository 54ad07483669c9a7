/** Runs a controller until a signal ends it. */
import { create } from '@bufbuild/protobuf';
import { type ControllerSettings, loadControllerSettings } from '../../controller/config/config.ts';
import { runController } from '../../controller/main.ts';
import { TlsSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { isLoopback } from '../../shared/listen-address.ts';
import { createLogger, type Logger } from '../../shared/log.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import { locumVersion } from '../locum-version.ts';
import { logSettings } from '../log-flags.ts';
import type { LogFlags } from '../log-options.ts';

export interface ControllerOptions extends LogFlags {
  readonly config?: string;
  readonly apiListen?: string;
  readonly agentListen?: string;
  readonly dataDir?: string;
  readonly store?: string;
  readonly tls?: boolean;
  readonly insecure?: boolean;
  readonly adoptStore?: boolean;
  readonly id?: string;
  readonly apiAdvertise?: string;
  readonly agentAdvertise?: string;
  /** Seconds. */
  readonly electionTtl?: number;
}

/** Absent options stay absent: the file and the defaults have them. */
function flagsOf({ apiListen, agentListen, dataDir, store, insecure, adoptStore, ...more }: ControllerOptions) {
  const { tls, id, apiAdvertise, agentAdvertise, electionTtl, ...log } = more;
  return {
    ...(apiListen === undefined ? {} : { apiListen }),
    ...(agentListen === undefined ? {} : { agentListen }),
    ...(dataDir === undefined ? {} : { dataDirectory: dataDir }),
    ...(store === undefined ? {} : { store }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(adoptStore === undefined ? {} : { adoptStore }),
    ...(tls === undefined ? {} : { tls: create(TlsSchema) }),
    ...(id === undefined ? {} : { id }),
    ...(apiAdvertise === undefined ? {} : { apiAdvertise }),
    ...(agentAdvertise === undefined ? {} : { agentAdvertise }),
    ...(electionTtl === undefined ? {} : { electionTtl: toDuration(electionTtl * 1000) }),
    ...logSettings(log),
  };
}

/** The first signal closes in good order, a second one does not wait. */
function nextSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      resolve(signal);
      process.once(signal, () => process.exit(1));
    });
  }
  return promise;
}

/** Each start says it again: an insecure listener that nobody remembers is the worst kind. */
function warnOfPlaintext({ apiListen, agentListen, tls }: ControllerSettings, log: Logger): void {
  if (tls !== undefined) return;
  const open = Object.entries({ API: apiListen, agents: agentListen }).filter(([, { host }]) => !isLoopback(host));
  for (const [what, { host, port }] of open) {
    log.warn(
      `INSECURE: the listener of ${what} on ${host}:${port} is not encrypted and does not know who calls: whoever reaches it can run programs on every server`,
    );
  }
}

export async function start(options: ControllerOptions): Promise<void> {
  const settings = loadControllerSettings({ file: options.config, flags: flagsOf(options), env: process.env });
  const log = createLogger({ name: 'controller', level: settings.logLevel, format: settings.logFormat });
  warnOfPlaintext(settings, log);
  const signalled = nextSignal();
  const stop = new AbortController();
  void signalled.then((signal) => stop.abort(new Error(`got ${signal}`)));
  const starting = runController({ ...settings, version: locumVersion(), log, signal: stop.signal });
  const controller = await starting.catch((error: unknown) => {
    if (error !== stop.signal.reason) throw error;
  });
  if (controller === undefined) {
    log.info('ended before it was ready');
    return;
  }
  const signal = await signalled;
  log.info(`got ${signal}: closing`);
  await controller.close();
}
