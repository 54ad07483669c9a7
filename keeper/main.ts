/**
 * `locum keeper`: keeps the workloads of one agent, and stays as long as there is an agent or anything that lives.
 *
 * SIGTERM to the keeper is the host's shutdown, not the agent's: the agent is told and has a short time to drain and say Goodbye,
 * then whatever lives is stopped.
 */
import { protectProcess } from '../shared/host/protect-process.ts';
import { openServiceNotifier, type ServiceState } from '../shared/host/service-notifier.ts';
import { type Keeper, type KeeperOptions, openKeeper } from './keeper.ts';
import { createKeeperLog, type KeeperLog } from './keeper-log.ts';

export interface RunKeeperOptions extends Omit<KeeperOptions, 'log' | 'version' | 'idleMs'> {
  /** Default: empty. */
  readonly version?: string;
  /** Default: lines on stderr. */
  readonly log?: KeeperLog;
  /** How long the agent has to drain when the host shuts down. Default 10 s. */
  readonly leaveWithinMs?: number;
  /** How long the keeper stays with no agent and nothing that lives. Default 30 s. */
  readonly idleMs?: number;
}

const DEFAULT_LEAVE_MS = 10_000;
const DEFAULT_IDLE_MS = 30_000;

const STARTING: ServiceState = { words: 'ends what an earlier keeper left', isWell: true };

/**
 * Runs a keeper to its end: asked for by its agent, by a signal, or because nobody needs it. Throws KeeperRunningError when the
 * state directory has one already. Answers with the exit code: 1 when it had to leave something behind that it could not kill.
 */
export async function runKeeper(options: RunKeeperOptions): Promise<number> {
  const { version = '', log = createKeeperLog(), leaveWithinMs = DEFAULT_LEAVE_MS, idleMs = DEFAULT_IDLE_MS } = options;
  let keeper: Keeper | undefined;
  // First of all: what is started from here must not speak in its name.
  const service = openServiceNotifier();
  service?.begin(() => keeper?.service() ?? STARTING);
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info(`got ${signal}`);
    // Nothing is served yet; leftovers are being killed, and the next keeper can go on with that.
    if (keeper === undefined) process.exit(1);
    service?.stopping('the host shuts down');
    keeper.shutDown(leaveWithinMs);
  };
  const ignore = (): void => undefined;
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGHUP', ignore);
  try {
    const problem = protectProcess();
    if (problem !== undefined) log.info(problem);
    keeper = await openKeeper({ ...options, version, log, idleMs });
    void keeper.serving.then(() => service?.ready());
    const code = await keeper.ended;
    log.info('the keeper has ended');
    // A thread that waits for a stalled disk would keep the process from ending in any other way.
    if (keeper.isStalled) process.kill(process.pid, 'SIGKILL');
    return code;
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('SIGHUP', ignore);
    service?.close();
  }
}
