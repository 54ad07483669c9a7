/**
 * `locum keeper`: keeps the workloads of one agent, and stays as long as there is an agent or anything that lives.
 *
 * SIGTERM to the keeper is the host's shutdown, not the agent's: the agent is told and has a short time to drain and say Goodbye,
 * then whatever lives is stopped.
 */
import { createLogger } from '../shared/log.ts';
import { type Keeper, type KeeperOptions, openKeeper } from './keeper.ts';
import type { KeeperLog } from './keeper-log.ts';

/** Beyond grace and guard of what is being stopped, when the host shuts down: then the keeper gives up. */
const GIVE_UP_AFTER_MS = 1_000;

export interface RunKeeperOptions extends Omit<KeeperOptions, 'log' | 'version'> {
  /** Default: empty. */
  readonly version?: string;
  /** Default: lines on stderr. */
  readonly log?: KeeperLog;
  /** How long the agent has to drain when the host shuts down. Default 10 s. */
  readonly leaveWithinMs?: number;
  /** How long the keeper stays with no agent and nothing that lives. Default 30 s. */
  readonly idleMs?: number;
}

/**
 * Runs a keeper to its end: asked for by its agent, by a signal, or because nobody needs it. Throws KeeperRunningError when the
 * state directory has one already. Answers with the exit code: 1 when it had to leave something behind that it could not kill.
 */
export async function runKeeper(options: RunKeeperOptions): Promise<number> {
  const stay = new Stay(options);
  const onSignal = (signal: NodeJS.Signals): void => stay.onSignal(signal);
  const ignore = (): void => undefined;
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGHUP', ignore);
  try {
    return await stay.run();
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('SIGHUP', ignore);
  }
}

/** How long the keeper stays, and how it goes. */
type Phase =
  | 'serving'
  /** The agent has been told that the host shuts down. */
  | 'leaving'
  /** Ends once nothing lives. */
  | 'ending';

class Stay {
  private readonly options: RunKeeperOptions;
  private readonly log: KeeperLog;
  private readonly over = Promise.withResolvers<number>();
  private keeper: Keeper | undefined;
  private phase: Phase = 'serving';
  private timer: NodeJS.Timeout | undefined;
  private isIdle = false;

  constructor(options: RunKeeperOptions) {
    this.options = options;
    this.log = options.log ?? createLogger({ name: 'keeper' });
  }

  async run(): Promise<number> {
    const { options, log } = this;
    this.keeper = await openKeeper(
      { ...options, log, version: options.version ?? '' },
      { onChange: () => this.review(), onExit: (exit) => this.onExit(exit) },
    );
    this.review();
    const code = await this.over.promise;
    clearTimeout(this.timer);
    await this.keeper.close();
    log.info('the keeper has ended');
    return code;
  }

  onSignal(signal: NodeJS.Signals): void {
    const { keeper } = this;
    this.log.info(`got ${signal}`);
    // Nothing is served yet; leftovers are being killed, and the next keeper can go on with that.
    if (keeper === undefined) process.exit(1);
    // A second signal is somebody in a hurry.
    if (this.phase !== 'serving' || !keeper.hasAgent) {
      this.stopAll('the host shuts down');
      return;
    }
    this.phase = 'leaving';
    const withinMs = this.options.leaveWithinMs ?? 10_000;
    keeper.leave(withinMs);
    this.after(withinMs, () => this.stopAll('the host shuts down'));
  }

  private onExit({ stopAll }: { readonly stopAll: boolean }): void {
    this.phase = 'ending';
    this.keeper?.leave(0);
    if (stopAll) this.keeper?.stopAll('the agent leaves');
    clearTimeout(this.timer);
    // The answer to the agent's request is on its way first.
    setImmediate(() => this.review());
  }

  private stopAll(detail: string): void {
    const { keeper } = this;
    if (keeper === undefined) return;
    this.phase = 'ending';
    keeper.leave(0);
    keeper.stopAll(detail);
    const longestMs = Math.max(0, ...Array.from(keeper.living, ({ terms }) => terms.stopTimeoutMs + terms.killGuardMs));
    this.after(longestMs + GIVE_UP_AFTER_MS, () => {
      this.log.error('something can not be killed: leaving it to the next keeper');
      this.over.resolve(1);
    });
    this.review();
  }

  /** Looks at whether there is still a reason to stay. Called at every change. */
  private review(): void {
    const { keeper } = this;
    if (keeper === undefined) return;
    const isEmpty = keeper.living.size === 0;
    switch (this.phase) {
      case 'serving':
        this.setIdle(isEmpty && !keeper.hasAgent);
        return;
      case 'leaving':
        // The agent has said Goodbye, or never will.
        if (!keeper.hasAgent) this.stopAll('the host shuts down');
        return;
      case 'ending':
        if (isEmpty) this.over.resolve(0);
        return;
    }
  }

  private setIdle(isIdle: boolean): void {
    if (isIdle === this.isIdle) return;
    this.isIdle = isIdle;
    clearTimeout(this.timer);
    if (isIdle) this.after(this.options.idleMs ?? 30_000, () => this.over.resolve(0));
  }

  private after(ms: number, act: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(act, ms);
  }
}
