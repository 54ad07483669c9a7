/**
 * The disk under a state directory, as bad as real ones: it takes what it is given at once, late, in part or not at all. Nothing that
 * stops a process may wait for it. A journal outlives its keeper, and loses its last lines with the power.
 */
import {
  foldRecord,
  type JournalRecord,
  nothingRecovered,
  type Recovered,
  recordsOf,
} from '../../keeper/core/record.ts';
import type { HostProblem } from '../../shared/host-problem.ts';
import type { Prng } from '../../shared/prng.ts';
import { SECOND } from '../../shared/time.ts';
import type { EventQueue } from './event-queue.ts';

/** `stalled`: reads and writes wait until that is over, as on a frozen file system. `failing`: each fails or is late. */
export type DiskState = 'sound' | 'slow' | 'stalled' | 'full' | 'read-only' | 'failing';

const PROBLEMS: Readonly<Record<DiskState, HostProblem['kind'] | undefined>> = {
  sound: undefined,
  slow: undefined,
  stalled: 'IO_ERROR',
  full: 'NO_SPACE',
  'read-only': 'READ_ONLY',
  failing: 'IO_ERROR',
};
const USUAL_MS = 3;
const SLOW_MS = 4 * SECOND;

export class SimDisk {
  readonly #queue: EventQueue;
  readonly #random: Prng;
  #state: DiskState = 'sound';
  /** What waits for a stalled disk, in order. */
  #waiting: (() => void)[] = [];
  /** Told when its state changes. */
  onChange: () => void = () => {};

  constructor(queue: EventQueue, random: Prng) {
    this.#queue = queue;
    this.#random = random;
  }

  get state(): DiskState {
    return this.#state;
  }

  /** What keeps a start from being made, as whoever looks at the disk sees it. */
  get problem(): HostProblem | undefined {
    const kind = PROBLEMS[this.#state];
    return kind === undefined ? undefined : { kind, detail: `the disk is ${this.#state}` };
  }

  become(state: DiskState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.onChange();
    if (state === 'stalled') return;
    for (const act of this.#waiting.splice(0)) act();
  }

  /** `store` is what it does to the disk, also when whoever asked is gone by then; `done` hears what became of it. */
  write(store: () => void, done: (problem: HostProblem | undefined) => void): void {
    this.#act((problem) => {
      if (problem === undefined) store();
      done(problem);
    });
  }

  /** False: it could not be read. A full disk and one that takes no writes can be read. */
  read(done: (ok: boolean) => void): void {
    this.#act((problem) => done(problem === undefined || problem.kind === 'NO_SPACE' || problem.kind === 'READ_ONLY'));
  }

  #act(done: (problem: HostProblem | undefined) => void): void {
    const ms = this.#random.float();
    switch (this.#state) {
      case 'sound':
        this.#queue.after(ms * USUAL_MS, () => done(undefined));
        return;
      case 'slow':
        this.#queue.after(ms * SLOW_MS, () => done(undefined));
        return;
      case 'stalled':
        this.#waiting.push(() => this.#act(done));
        return;
      case 'full':
      case 'read-only':
        this.#queue.after(ms * USUAL_MS, () => done(this.problem));
        return;
      case 'failing': {
        const problem = this.#random.chance(0.5) ? this.problem : undefined;
        this.#queue.after(ms * SECOND, () => done(problem));
      }
    }
  }
}

/** Lines before they are folded into as few as possible. */
const LONG = 400;

/** What a keeper wrote down. */
export class SimJournal {
  #lines: JournalRecord[] = [];

  append(record: JournalRecord): void {
    this.#lines.push(record);
    if (this.#lines.length > LONG) this.#lines = [...recordsOf(this.fold())];
  }

  fold(): Recovered {
    const recovered = nothingRecovered();
    for (const line of this.#lines) foldRecord(recovered, line);
    return recovered;
  }

  clear(): void {
    this.#lines = [];
  }

  /** The power went before the operating system had written the last lines out. */
  losePower(random: Prng): void {
    if (random.chance(0.5)) this.#lines.splice(Math.max(0, this.#lines.length - random.int(1, 6)));
  }

  copy(): SimJournal {
    const copy = new SimJournal();
    copy.#lines = [...this.#lines];
    return copy;
  }
}
