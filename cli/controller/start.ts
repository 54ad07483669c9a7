/** Runs a controller until a signal ends it. */
import { type ControllerSettings, loadControllerSettings } from '../../controller/config/config.ts';
import { LiveSettings, liveFields } from '../../controller/config/live-settings.ts';
import type { ShownSetting } from '../../controller/diagnostics.ts';
import { type Controller, runController } from '../../controller/main.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { openServiceNotifier, type ServiceState } from '../../shared/host/service-notifier.ts';
import { isLoopback } from '../../shared/listen-address.ts';
import { createLogger, type Logger } from '../../shared/log.ts';
import { effectiveControllerConfig, type ShownConfig } from '../config/settings.ts';
import { locumVersion } from '../locum-version.ts';
import { isAtTerminal, onReload } from '../reload-signal.ts';
import { type ControllerOptions, flagsOf } from './flags.ts';

const ENDS = ['SIGINT', 'SIGTERM'] as const;
const ENDS_AT_TERMINAL = [...ENDS, 'SIGHUP'] as const;

/** The first signal closes in good order, a second one does not wait. */
function nextSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of isAtTerminal() ? ENDS_AT_TERMINAL : ENDS) {
    process.once(signal, () => {
      resolve(signal);
      process.once(signal, () => process.exit(1));
    });
  }
  return promise;
}

function warnOfOpenAccess({ open, apiListen: { host, port } }: ControllerSettings, log: Logger): void {
  if (open !== true) return;
  log.warn(`OPEN: nobody who calls ${host}:${port} is asked who he is; whoever reaches it may do everything`);
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

const WAITING: ServiceState = { words: 'waits for its store', isWell: true };

/** What the others have is in force from the next start on, and shown from then on. */
const LIVE_FIELDS: ReadonlySet<string> = new Set(liveFields);

const shownSettings = ({ rows }: ShownConfig): readonly ShownSetting[] =>
  rows.map(({ field, value, from }) => ({ field, value: JSON.stringify(value), source: from }));

export async function start(options: ControllerOptions): Promise<void> {
  // First of all: what is started from here must not speak in its name.
  const service = openServiceNotifier();
  const load = () => loadControllerSettings({ file: options.config, flags: flagsOf(options), env: process.env });
  const settings = load();
  const log = createLogger({ name: 'controller', level: settings.logLevel, format: settings.logFormat });
  warnOfPlaintext(settings, log);
  warnOfOpenAccess(settings, log);
  let running: Controller | undefined;
  service?.begin(() => running?.service() ?? WAITING);
  // It waits for its disk in the thread of everything: a disk that stalls would look like a hang, and nobody else could lead.
  if (settings.store.startsWith('sqlite:')) service?.unwatch();
  const signalled = nextSignal();
  const stop = new AbortController();
  void signalled.then((signal) => {
    service?.stopping(`got ${signal}`);
    stop.abort(new Error(`got ${signal}`));
  });
  const readShown = () => shownSettings(effectiveControllerConfig(options));
  let shown = readShown();
  const about = { version: locumVersion(), log, shownSettings: () => shown };
  const starting = runController({ ...settings, ...about, signal: stop.signal });
  const controller = await starting.catch((error: unknown) => {
    if (error !== stop.signal.reason) throw error;
  });
  if (controller === undefined) {
    log.info('ended before it was ready');
    return;
  }
  running = controller;
  service?.ready();
  const live = new LiveSettings(settings, log);
  onReload(() => {
    service?.reloading();
    try {
      live.take(load(), (names) => controller.allowHosts(names));
      shown = [...shown, ...readShown()].filter(({ field }, i) => i < shown.length !== LIVE_FIELDS.has(field));
    } catch (error) {
      log.error(`the configuration can not be read again, so nothing was changed: ${messageOf(error)}`);
    }
    service?.ready();
  });
  const signal = await signalled;
  log.info(`got ${signal}: closing`);
  await controller.close();
  service?.close();
}
