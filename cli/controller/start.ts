/** Runs a controller until a signal ends it. */
import { loadControllerSettings } from '../../controller/config.ts';
import { runController } from '../../controller/main.ts';
import { createLogger } from '../../shared/log.ts';
import { logSettings } from '../log-flags.ts';
import type { LogFlags } from '../log-options.ts';
import { locumVersion } from '../version.ts';

export interface ControllerOptions extends LogFlags {
  readonly config?: string;
  readonly apiListen?: string;
  readonly agentListen?: string;
  readonly dataDir?: string;
  readonly store?: string;
  readonly insecure?: boolean;
  readonly adoptStore?: boolean;
}

/** Absent options stay absent: the file and the defaults have them. */
function flagsOf({ apiListen, agentListen, dataDir, store, insecure, adoptStore, ...log }: ControllerOptions) {
  return {
    ...(apiListen === undefined ? {} : { apiListen }),
    ...(agentListen === undefined ? {} : { agentListen }),
    ...(dataDir === undefined ? {} : { dataDirectory: dataDir }),
    ...(store === undefined ? {} : { store }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(adoptStore === undefined ? {} : { adoptStore }),
    ...logSettings(log),
  };
}

/** The first signal closes in good order, a second one does not wait. */
function nextSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      resolve(signal);
      process.once(signal, () => process.exit(1));
    });
  }
  return promise;
}

export async function start(options: ControllerOptions): Promise<void> {
  const settings = loadControllerSettings({ file: options.config, flags: flagsOf(options), env: process.env });
  const log = createLogger({ name: 'controller', level: settings.logLevel, format: settings.logFormat });
  const signalled = nextSignal();
  const controller = await runController({ ...settings, version: locumVersion(), log });
  const signal = await signalled;
  log.info(`got ${signal}: closing`);
  await controller.close();
}
