/**
 * The clocks of one machine: monotonic, boot and wall time, each as wrong as real ones are. They run at a rate of their own, stand
 * still while the machine is suspended (monotonic) or frozen (all of them), and the wall clock is set by people and by NTP.
 */
import type { AgentNow } from '../../agent/core/clock.ts';
import type { Prng } from '../../shared/prng.ts';

/** What makes them stand still. */
export type ClockState = 'running' | 'suspended' | 'frozen';

/** 2026-01-01T00:00:00Z, so that wall times look like wall times. */
const WALL_START = 1_767_225_600_000;

/** The wall time of a clock that is right. */
export const trueWall = (now: number): number => WALL_START + now;

export class SimClock {
  /** Milliseconds of this clock for each true one; 0.89 to 1.11. */
  rate: number;
  state: ClockState = 'running';
  #sinceTrue = 0;
  #mono: number;
  #boot: number;
  #wall: number;
  readonly #isDisciplined: boolean;

  constructor(options: {
    readonly rate: number;
    readonly startMono: number;
    readonly wallErrorMs: number;
    /** Its wall clock is kept right by NTP, whatever the rate of the others. Default false: it runs as they do. */
    readonly disciplined?: boolean;
  }) {
    this.rate = options.rate;
    this.#isDisciplined = options.disciplined ?? false;
    this.#mono = options.startMono;
    this.#boot = options.startMono + 5_000;
    this.#wall = WALL_START + options.wallErrorMs;
  }

  mono(now: number): number {
    return this.#mono + (this.state === 'running' ? (now - this.#sinceTrue) * this.rate : 0);
  }

  boot(now: number): number {
    return this.#boot + (this.state === 'frozen' ? 0 : (now - this.#sinceTrue) * this.rate);
  }

  /** A whole number, as real ones are. */
  wall(now: number): number {
    return Math.round(this.#exactWall(now));
  }

  #exactWall(now: number): number {
    return this.#wall + (this.state === 'frozen' ? 0 : (now - this.#sinceTrue) * (this.#isDisciplined ? 1 : this.rate));
  }

  read(now: number): AgentNow {
    return { mono: this.mono(now), boot: this.boot(now), wall: this.wall(now) };
  }

  /** True time at which monotonic time reaches a reading, as things stand. Infinity while it stands still. */
  trueTimeOf(mono: number, now: number): number {
    if (this.state !== 'running') return Number.POSITIVE_INFINITY;
    return Math.max(now, this.#sinceTrue + (mono - this.#mono) / this.rate);
  }

  change(now: number, to: { readonly rate?: number; readonly state?: ClockState; readonly wallStepMs?: number }): void {
    this.#mono = this.mono(now);
    this.#boot = this.boot(now);
    this.#wall = this.#exactWall(now) + (to.wallStepMs ?? 0);
    this.#sinceTrue = now;
    this.rate = to.rate ?? this.rate;
    this.state = to.state ?? this.state;
  }

  /** The machine boots: monotonic and boot time begin anew. */
  restart(now: number): void {
    this.change(now, { state: 'running' });
    this.#mono = 100;
    this.#boot = 100;
  }
}

/** A rate within the drift, as often as not at one of its ends. `adverse`: the end that is worse where it runs. */
export function someRate(
  random: Prng,
  { drift, adverseClocks }: { readonly drift: number; readonly adverseClocks: boolean },
  worse: 'fast' | 'slow',
): number {
  if (adverseClocks) return 1 + (worse === 'fast' ? drift : -drift);
  const deviation = random.chance(0.5) ? (random.chance(0.5) ? 1 : -1) : 2 * random.float() - 1;
  return 1 + drift * deviation;
}
