/** One hook while this controller leads: its feed, and how that goes. A new term makes a new one. */
import type { Event } from '../../shared/gen/locum/v1/event_pb.ts';
import type { Logger } from '../../shared/log.ts';
import type { About } from '../api/event-reader.ts';
import type { Clock } from '../engine/clock.ts';
import { Feed } from '../feeds/feed.ts';
import type { LeaderTerm } from '../leadership/leader-term.ts';
import type { HookAnswer, HookProgress, HookSettings } from './hook.ts';
import { HookSink } from './hook-sink.ts';
import { readForHook, waitingEvents, wantedBy } from './hook-source.ts';

export interface HookRunnerOptions {
  readonly settings: HookSettings;
  readonly leaderTerm: LeaderTerm;
  readonly send: (event: Event, signal: AbortSignal) => Promise<HookAnswer>;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn' | 'info'>;
}

/** Events that are told between two notes of the position: what a leader that ends without a word has repeated, at most. */
const BATCH = 20;
const BACKOFF = { baseMs: 1_000, capMs: 300_000 } as const;

export class HookRunner {
  readonly #options: HookRunnerOptions;
  readonly #wanted: About;
  readonly #sink: HookSink;
  /** No event is begun any more. */
  readonly #stop = new AbortController();
  /** What is under way is given up. */
  readonly #over = new AbortController();
  #ran: Promise<void> | undefined;

  constructor(options: HookRunnerOptions) {
    this.#options = options;
    const { settings, leaderTerm, send, clock } = options;
    const { name } = settings;
    this.#wanted = wantedBy(settings.only);
    this.#sink = new HookSink({
      ...{ name: `hook ${name}`, clock, stop: this.#stop.signal },
      look: () =>
        leaderTerm.read((state) => ({ position: state.hooks.get(name)?.position, newest: state.meta.lastEvent })),
      note: async (note) => {
        await leaderTerm.call({ ...OWN_CALL, request: { kind: 'note_hook', hook: name, ...note } });
      },
      send: (event) => send(event, this.#over.signal),
    });
  }

  get progress(): HookProgress {
    return this.#sink;
  }

  start(): void {
    const { leaderTerm, clock, log } = this.#options;
    const feed = new Feed<Event, number>({
      ...{ sink: this.#sink, what: 'events', start: 0, batch: BATCH, backoff: BACKOFF, log },
      mono: () => clock().mono,
      source: {
        behind: (reached) => waitingEvents(leaderTerm.state, this.#wanted, reached),
        open: (after, signal) =>
          readForHook(leaderTerm, {
            ...{ wanted: this.#wanted, after, signal },
            missed: (upTo) => this.#sink.missed(upTo),
          }),
      },
    });
    this.#ran = feed.run(this.#stop.signal);
  }

  /** Resolves when what was under way is told and noted, or the time is up. */
  async close(patienceMs: number): Promise<void> {
    this.#stop.abort();
    const timer = setTimeout(() => this.#over.abort(), patienceMs).unref();
    await this.#ran;
    clearTimeout(timer);
    this.#over.abort();
  }
}

const OWN_CALL = {
  ...{ actor: 'controller', origin: { method: '', source: '' }, requestId: '', fingerprint: '', validateOnly: false },
} as const;
