/**
 * Whether this process had the processor that it wanted. On a machine that is busy with others an event loop stands still for seconds, and
 * then nobody is served in time, whatever a controller does; what takes long by itself uses the processor meanwhile.
 */

/** Looks at clocks so often; what an idle loop waits for at most. */
const TICK_MS = 200;
/** Less is no reason for anybody to wait seconds. */
const LEAST_MS = 2_000;

/** Clocks of this thread, in milliseconds. */
export interface ThreadClocks {
  /** Monotonic. */
  readonly wallMs: () => number;
  /** Processor time used. */
  readonly cpuMs: () => number;
}

const threadClocks: ThreadClocks = {
  wallMs: () => performance.now(),
  cpuMs: () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  },
};

export class Starvation {
  readonly #clocks: ThreadClocks;
  readonly #timer: NodeJS.Timeout | undefined;
  #wallMs: number;
  #cpuMs: number;
  #usedMs = 0;
  #missedMs = 0;

  /** Default: of this thread, looked at by a timer of its own. */
  constructor(clocks?: ThreadClocks) {
    this.#clocks = clocks ?? threadClocks;
    this.#wallMs = this.#clocks.wallMs();
    this.#cpuMs = this.#clocks.cpuMs();
    if (clocks === undefined) this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** To be called every 200 ms; when that is late, this thread was busy, or it was not let run. */
  tick(): void {
    const [wallMs, cpuMs] = [this.#clocks.wallMs(), this.#clocks.cpuMs()];
    const usedMs = cpuMs - this.#cpuMs;
    this.#missedMs += Math.max(0, wallMs - this.#wallMs - usedMs - TICK_MS);
    this.#usedMs += usedMs;
    [this.#wallMs, this.#cpuMs] = [wallMs, cpuMs];
  }

  /** Since it was forgotten: it was kept waiting for the processor for longer than it had it, and for seconds. */
  get isStarved(): boolean {
    this.tick();
    return this.#missedMs >= LEAST_MS && this.#missedMs > this.#usedMs;
  }

  forget(): void {
    this.tick();
    this.#usedMs = 0;
    this.#missedMs = 0;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

/** What should not be, told apart by whose fault it is. */
export class Lapses {
  readonly #starvation: Starvation;
  readonly violations: string[] = [];
  /** What was too late while this process was kept waiting for the processor. */
  readonly starved: string[] = [];

  constructor(starvation: Starvation) {
    this.#starvation = starvation;
  }

  complain(what: string): void {
    this.violations.push(what);
  }

  /** Something that takes no time took too long. */
  late(what: string): void {
    (this.#starvation.isStarved ? this.starved : this.violations).push(what);
  }
}
