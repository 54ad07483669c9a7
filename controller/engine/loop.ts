/**
 * The only caller of the core. Whatever happens is posted as an event; once per turn of Node's own loop the waiting events are
 * stepped, one after the other, each with the time of its posting, and then flushed once: all writes of a turn make one commit
 * (group commit), and a storm makes several (pacer.ts). The effects are handed to the owner's `perform`, which answers with events only. See
 * docs/architecture.md, "One direction".
 */
import { assert } from '../../shared/assert.ts';
import type { LocumError } from '../../shared/errors.ts';
import { Mailbox } from '../../shared/mailbox.ts';
import type { Now } from '../../shared/time.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { Effect } from '../core/cluster/effect.ts';
import type { Event, FromShell } from '../core/cluster/event.ts';
import { type Agenda, MAX_DELAY_MS, type Planned } from './agenda.ts';
import type { Clock } from './clock.ts';
import { eventBytes } from './event-bytes.ts';
import { PACE_MS, Pacer, type Pending } from './pacer.ts';

/** The core as its loop sees it. */
export interface SteppedCore extends Pending {
  step(event: Event, now: Now): void;
  flush(now: Now): readonly Effect[];
  nextWakeMono(): number | undefined;
  readonly state: ClusterState;
  /** Newest commit emitted or pending. */
  readonly lastCommit: number;
  readonly durableCommit: number;
}

/** Does what the core asks for, and is told what only the loop can see: at once, as a part of the turn. */
export interface LoopOwner {
  perform(effects: readonly Effect[], now: Now): void;
  /** A defect of ours. Told once, after which nothing is stepped any more. */
  fatal(error: unknown): void;
  /** Events were refused, and there is room again. */
  room(): void;
  /** Told about twice a second: how late a timer fired, in milliseconds. */
  pulse(lateMs: number): void;
  /** More waits for the store than may: what is in memory is too far ahead of what is acknowledged. */
  overflow(pending: Pending): void;
}

export interface LoopOptions {
  readonly core: SteppedCore;
  readonly clock: Clock;
  readonly agenda: Agenda;
  readonly owner: LoopOwner;
  /** Events that wait at most; more are refused. Default 20,000. */
  readonly mailboxCapacity?: number;
  /** Bytes of them that wait at most, about. Default 64 MiB. */
  readonly mailboxBytes?: number;
  /** Events stepped in one turn at most; sockets get their turn in between. Default 1,000. */
  readonly maxEventsPerTurn?: number;
  /** Records after which a turn ends, so that its commit can begin. Default 1,000. */
  readonly recordsPerCommit?: number | undefined;
  /** Records that wait at most for a store that takes no writes. Default 100,000. */
  readonly maxPendingRecords?: number;
  /** Bytes of them that wait at most, about. Default 256 MiB. */
  readonly maxPendingBytes?: number;
}

/** A gap this long between two turns is a pause of the controller itself (semantics C6). */
export const PAUSE_MS = 2_000;
/** How often the loop shows itself that it is alive; well below the pause, so that an idle loop is not taken for a paused one. */
const PULSE_MS = 500;
const MAX_PENDING_BYTES = 256 * 1024 * 1024;
const MAILBOX_BYTES = 64 * 1024 * 1024;

/**
 * Heartbeats with nothing new wait this long for company, unless something comes that can't wait. Waking up, and asking the store
 * about the term, cost more than a heartbeat does; and a grant this much later changes nothing, for leases count from the sending
 * and silence from the posting (semantics C1 has batches of 100 to 250 ms in mind).
 */
const HEARTBEAT_BATCH_MS = 50;

interface Mail {
  readonly event: Event;
  readonly postedAt: Now;
  readonly sizeBytes: number;
}

interface WaitingRead {
  readonly needCommit: number;
  readonly settle: () => void;
  readonly fail: (error: LocumError) => void;
}

export class Loop {
  readonly #options: LoopOptions;
  readonly #mailbox: Mailbox<Mail>;
  readonly #maxEventsPerTurn: number;
  readonly #pacer: Pacer;
  readonly #pulse: Planned;
  #own: FromShell[] = [];
  #reads: WaitingRead[] = [];
  #turnScheduled: Planned | undefined;
  #batchTimer: Planned | undefined;
  #batchDueMono = 0;
  #ownScheduled = false;
  /** Mail waits for the commit under way, at most until this fires. */
  #paceTimer: Planned | undefined;
  #refusedSinceRoom = false;
  #wake: Planned | undefined;
  #wakeMono: number | undefined;
  #lastTurnMono: number;
  /** A pause before the first turn is none of a leader: the election is stepped first, and its waits begin then. */
  #begun = false;
  /** Time of the newest step: the core's time never goes back. */
  #steppedMono = 0;
  #pulseDueMono: number;
  #ended: LocumError | undefined;
  /** Why reads that wait for a commit are refused; undefined: they are not. */
  #readRefusal: LocumError | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#mailbox = new Mailbox(options.mailboxCapacity ?? 20_000, {
      limitBytes: options.mailboxBytes ?? MAILBOX_BYTES,
      sizeOf: ({ sizeBytes }) => sizeBytes,
    });
    this.#maxEventsPerTurn = options.maxEventsPerTurn ?? 1_000;
    this.#pacer = new Pacer(options.recordsPerCommit ?? 1_000);
    this.#lastTurnMono = options.clock().mono;
    this.#pulseDueMono = this.#lastTurnMono + PULSE_MS;
    this.#pulse = options.agenda.every(PULSE_MS, () => this.#checkPulse());
  }

  /** Events that wait. */
  get depth(): number {
    return this.#mailbox.size;
  }

  /** Posts what comes from outside. False: the mailbox is full, and the event was not taken. After the end all are dropped. */
  post(event: Event): boolean {
    if (this.#ended !== undefined) return true;
    const postedAt = this.#options.clock();
    if (!this.#mailbox.push({ event, postedAt, sizeBytes: eventBytes(event) })) {
      this.#refusedSinceRoom = true;
      return false;
    }
    if (mayWait(event) && this.#mailbox.size < this.#maxEventsPerTurn) this.#scheduleBatch(postedAt.mono);
    else this.#scheduleTurn();
    return true;
  }

  /**
   * Posts what the shell itself has to say: answers of the store, elections. Never refused, as there are only as many as effects
   * were performed, and stepped before any mail, in this very turn.
   */
  postOwn(event: FromShell): void {
    if (this.#ended !== undefined) return;
    this.#own.push(event);
    if (this.#ownScheduled) return;
    this.#ownScheduled = true;
    // Not at once: the caller may be inside of `perform`, and the core is not to be entered twice.
    this.#options.agenda.next(() => this.#turn());
  }

  /**
   * Runs `look` now and answers once everything that it could see is durable. `look` must not keep parts of the state.
   * @throws LocumError of `end`, or of `refuseReads`
   */
  read<T>(look: (state: ClusterState, now: Now) => T): Promise<T> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const { core, clock } = this.#options;
    const value = look(core.state, clock());
    const needCommit = core.lastCommit;
    if (core.durableCommit >= needCommit) return Promise.resolve(value);
    if (this.#readRefusal !== undefined) return Promise.reject(this.#readRefusal);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#reads.push({ needCommit, settle: () => resolve(value), fail: reject });
    return promise;
  }

  /** Fails reads that wait for a commit, and those that would, until called with undefined. */
  refuseReads(error: LocumError | undefined): void {
    this.#readRefusal = error;
    if (error === undefined) return;
    const reads = this.#reads;
    this.#reads = [];
    for (const read of reads) read.fail(error);
  }

  /** Steps nothing more and drops what waits; reads get `error`. */
  end(error: LocumError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#pulse.cancel();
    this.#wake?.cancel();
    this.#paceTimer?.cancel();
    this.#unschedule();
    this.#mailbox.clear();
    this.#own = [];
    this.refuseReads(error);
  }

  #scheduleBatch(nowMono: number): void {
    if (this.#batchTimer !== undefined || this.#turnScheduled !== undefined) return;
    this.#batchDueMono = nowMono + HEARTBEAT_BATCH_MS;
    this.#batchTimer = this.#options.agenda.after(HEARTBEAT_BATCH_MS, () => this.#mailTurn());
  }

  #scheduleTurn(): void {
    this.#turnScheduled ??= this.#options.agenda.atTurnEnd(() => this.#mailTurn());
  }

  #unschedule(): void {
    this.#batchTimer?.cancel();
    this.#batchTimer = undefined;
    this.#turnScheduled?.cancel();
    this.#turnScheduled = undefined;
  }

  #mailTurn(): void {
    this.#unschedule();
    if (this.#mayStepMail()) this.#turn({ takesMail: true });
    else this.#scheduleRest();
    this.#tellOfRoom();
  }

  #mayStepMail(): boolean {
    return this.#pacer.mayStep(this.#options.core, this.#options.clock().mono);
  }

  /** What no turn has taken yet is taken in the next one, or when the commit under way is done. */
  #scheduleRest(): void {
    if (this.#ended !== undefined || this.#mailbox.size === 0 || this.#batchTimer !== undefined) return;
    if (this.#mayStepMail()) {
      this.#paceTimer?.cancel();
      this.#paceTimer = undefined;
      this.#scheduleTurn();
    } else {
      this.#paceTimer ??= this.#options.agenda.after(PACE_MS, () => {
        this.#paceTimer = undefined;
        this.#mailTurn();
      });
    }
  }

  #tellOfRoom(): void {
    if (!this.#refusedSinceRoom || this.#ended !== undefined) return;
    if (!this.#mailbox.isHalfEmpty) return;
    this.#refusedSinceRoom = false;
    this.#options.owner.room();
  }

  #turn({ takesMail = false, ticks = false } = {}): void {
    if (this.#ended !== undefined) return;
    this.#ownScheduled = false;
    const { core, clock, owner } = this.#options;
    try {
      const now = clock();
      const pausedMs = this.#begun ? now.mono - this.#lastTurnMono : 0;
      this.#begun = true;
      this.#lastTurnMono = now.mono;
      // First of all: after a pause, old news and overdue timers are handled together, and silence is no sign of anything.
      if (pausedMs > PAUSE_MS) this.#step({ kind: 'paused', forMs: pausedMs }, now);
      const own = this.#own;
      this.#own = [];
      for (const event of own) this.#step(event, now);
      if (takesMail) this.#stepMail(now);
      if (ticks) this.#step({ kind: 'tick' }, now);
      this.#steppedMono = now.mono;
      const effects = core.flush(now);
      if (effects.length > 0) owner.perform(effects, now);
    } catch (error) {
      owner.fatal(error);
      return;
    }
    this.#settleReads();
    this.#armTimer();
    this.#scheduleRest();
    const { maxPendingRecords = 100_000, maxPendingBytes = MAX_PENDING_BYTES } = this.#options;
    if (core.pendingRecords > maxPendingRecords || core.pendingBytes > maxPendingBytes) owner.overflow(core);
  }

  #stepMail(now: Now): void {
    const { core } = this.#options;
    for (let stepped = 0; stepped < this.#maxEventsPerTurn; stepped += 1) {
      if (!this.#pacer.mayStep(core, now.mono)) return;
      const mail = this.#mailbox.shift();
      if (mail === undefined) return;
      this.#step(mail.event, mail.postedAt);
    }
  }

  #step(event: Event, at: Now): void {
    const { core } = this.#options;
    if (at.mono >= this.#steppedMono) {
      this.#steppedMono = at.mono;
      core.step(event, at);
    } else {
      // Posted before something that did not wait for a turn.
      core.step(event, { mono: this.#steppedMono, wall: at.wall });
    }
  }

  #settleReads(): void {
    const durable = this.#options.core.durableCommit;
    if (this.#reads.length === 0 || (this.#reads[0]?.needCommit ?? 0) > durable) return;
    const ready = this.#reads.filter((read) => read.needCommit <= durable);
    this.#reads = this.#reads.filter((read) => read.needCommit > durable);
    for (const read of ready) read.settle();
  }

  /** One timer for everything: the core says when it wants to look at its deadlines again. */
  #armTimer(): void {
    if (this.#ended !== undefined) return;
    const wakeMono = this.#options.core.nextWakeMono();
    if (wakeMono === this.#wakeMono) return;
    this.#wakeMono = wakeMono;
    this.#wake?.cancel();
    if (wakeMono === undefined) return;
    const { clock, agenda } = this.#options;
    const delayMs = Math.ceil(wakeMono - clock().mono);
    assert(!Number.isNaN(delayMs), 'a wake-up time is a number');
    this.#wake = agenda.after(Math.min(Math.max(delayMs, 0), MAX_DELAY_MS), () => this.#tick());
  }

  #tick(): void {
    this.#wakeMono = undefined;
    // Nobody is judged by heartbeats that wait: the turn of the commit under way, or the one after the longest wait, sets a new timer.
    if (!this.#mayStepMail() && this.#mailbox.size > 0) {
      this.#scheduleRest();
      return;
    }
    // This is a turn anyway: heartbeats that have waited for half their time come along.
    const takesMail = this.#options.clock().mono > this.#batchDueMono - HEARTBEAT_BATCH_MS / 2;
    this.#turn({ takesMail, ticks: true });
    if (this.#mailbox.size === 0) this.#unschedule();
    this.#tellOfRoom();
  }

  /** Libuv looks at sockets before timers: after a pause either may come first, and both must find out. */
  #checkPulse(): void {
    const { clock, owner } = this.#options;
    const { mono } = clock();
    owner.pulse(mono - this.#pulseDueMono);
    this.#pulseDueMono = mono + PULSE_MS;
    if (mono - this.#lastTurnMono > PAUSE_MS) this.#turn();
    else this.#lastTurnMono = mono;
  }
}

function mayWait(event: Event): boolean {
  if (event.kind !== 'heartbeat') return false;
  const { capacity, capabilities, hostProblems } = event;
  return capacity === undefined && capabilities === undefined && hostProblems === undefined;
}
