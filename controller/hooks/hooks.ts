/** The hooks of a controller: told of events by whoever leads, and tried by whoever asks. */
import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { messageOf } from '../../shared/caught-error.ts';
import { notFound } from '../../shared/errors.ts';
import { type Event, EventSchema } from '../../shared/gen/locum/v1/event_pb.ts';
import type { Logger } from '../../shared/log.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { Deviation } from '../core/views.ts';
import type { Clock } from '../engine/clock.ts';
import type { LeaderTerm } from '../leadership/leader-term.ts';
import type { RoleWatch } from '../leadership/role.ts';
import { failed, type HookAnswer, type HookProgress, type HookSettings, type HooksPort } from './hook.ts';
import { runHookCommand } from './hook-command.ts';
import { HookRunner } from './hook-runner.ts';
import { waitingEvents, wantedBy } from './hook-source.ts';
import { type Notification, notificationOf } from './notification.ts';
import { WebhookSender } from './webhook.ts';

export interface HooksOptions {
  readonly settings: readonly HookSettings[];
  readonly clusterId: string;
  /** Of the program. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly role: Pick<RoleWatch, 'now' | 'changes'>;
  readonly signal: AbortSignal;
}

const NONE: HookProgress = { delivered: 0, failed: 0, problem: undefined };
/** How long a delivery that is under way has at the end of a term. */
const LAST_MS = 1_000;

type Send = (notification: Notification, wallMs: number, signal: AbortSignal) => Promise<HookAnswer>;

export class Hooks implements HooksPort {
  readonly settings: readonly HookSettings[];
  readonly #options: HooksOptions;
  readonly #senders = new Map<string, Send>();
  readonly #closers: (() => void)[] = [];
  #runners: ReadonlyMap<string, HookRunner> = new Map();
  #leaderTerm: LeaderTerm | undefined;
  #isClosed = false;

  constructor(options: HooksOptions) {
    this.#options = options;
    this.settings = options.settings.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, target } of this.settings) {
      if (target.kind === 'COMMAND') {
        this.#senders.set(name, (notification, _wallMs, signal) => runHookCommand(target, notification, signal));
      } else {
        const sender = new WebhookSender(target, options.version);
        this.#closers.push(() => sender.close());
        this.#senders.set(name, (notification, wallMs, signal) => sender.send(notification, wallMs, signal));
      }
    }
  }

  start(): void {
    void this.#follow();
  }

  progressOf(name: string): HookProgress {
    return this.#runners.get(name)?.progress ?? NONE;
  }

  waitingOf({ name, only }: HookSettings): number | undefined {
    const { state } = this.#leaderTerm ?? {};
    if (state === undefined) return undefined;
    return waitingEvents(state, wantedBy(only), state.hooks.get(name)?.position ?? state.meta.lastEvent);
  }

  /** What `locum status` says of hooks of which only the store knows. */
  get trouble(): readonly Deviation[] {
    const { state } = this.#leaderTerm ?? {};
    const unknown = [...(state?.hooks.keys() ?? [])].filter((name) => !this.#senders.has(name));
    return unknown.map((name) => ({
      ...{
        resource: `hooks/${name}`,
        reason: 'HOOK_NOT_CONFIGURED',
        sinceWall: state?.electedWall,
        etaWall: undefined,
      },
      message: 'the leader does not have it in its configuration, so it is told of nothing: add it there, or forget it',
      command: `locum hook forget ${name}`,
    }));
  }

  /** Tells a hook of an event that did not happen, once. @throws LocumError NOT_FOUND it is not in the configuration */
  async test(name: string, actor: string, signal: AbortSignal): Promise<HookAnswer> {
    if (!this.#senders.has(name)) throw notFound(`hooks/${name}`);
    const { clock, clusterId } = this.#options;
    const event = create(EventSchema, {
      ...{ time: toTimestamp(clock().wall), type: 'HOOK_TEST', cause: 'OPERATOR', actor, severity: 'INFO' },
      message: `${actor} tries hook ${name}: nothing happened`,
    });
    return this.#send(name, notificationOf(event, clusterId, `test-${randomUUID()}`), signal);
  }

  /** What is under way is told and noted; nothing further is. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#endTerm();
    for (const close of this.#closers) close();
  }

  async #follow(): Promise<void> {
    const { role, signal } = this.#options;
    for await (const now of role.changes(signal)) {
      const leaderTerm = now.kind === 'LEADING' ? now.leaderTerm : undefined;
      if (leaderTerm === this.#leaderTerm) continue;
      await this.#endTerm();
      if (leaderTerm !== undefined && !this.#isClosed) this.#beginTerm(leaderTerm);
    }
  }

  #beginTerm(leaderTerm: LeaderTerm): void {
    const { clock, log } = this.#options;
    this.#leaderTerm = leaderTerm;
    this.#runners = new Map(
      this.settings.map((settings) => {
        const send = (event: Event, signal: AbortSignal): Promise<HookAnswer> =>
          this.#send(settings.name, notificationOf(event, this.#options.clusterId), signal);
        return [settings.name, new HookRunner({ settings, leaderTerm, send, clock, log })];
      }),
    );
    for (const runner of this.#runners.values()) runner.start();
  }

  async #endTerm(): Promise<void> {
    const runners = [...this.#runners.values()];
    this.#runners = new Map();
    this.#leaderTerm = undefined;
    await Promise.all(runners.map((runner) => runner.close(LAST_MS)));
  }

  async #send(name: string, notification: Notification, signal: AbortSignal): Promise<HookAnswer> {
    const send = this.#senders.get(name);
    if (send === undefined) throw notFound(`hooks/${name}`);
    try {
      return await send(
        { ...notification, variables: { ...notification.variables, LOCUM_HOOK: name } },
        this.#options.clock().wall,
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      return failed(`could not be told: ${messageOf(error)}`);
    }
  }
}
