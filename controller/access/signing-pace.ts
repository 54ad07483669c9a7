/**
 * How fast certificates are signed for servers. Two rates, as a queue at a counter has them: so many customers a second altogether, and none who comes
 * again and again. Who finds no room is told when it will be his turn, each one a little later than the one before: a thousand that come at
 * once come back one by one. Whoever asks before his turn is told the same again, and pushes nobody back; one who never comes holds nobody up.
 */
import { Pace } from '../../shared/pace.ts';

/** Signed in a second, once the burst is used up: with the handshakes of those who ask a tenth of a processor. */
const SIGNED_EACH_SECOND = 20;
const EVERY_MS = 1_000 / SIGNED_EACH_SECOND;
const ALTOGETHER = { burst: 40, everyMs: EVERY_MS };
const OF_ONE_SERVER = { burst: 5, everyMs: 10_000 };
/** Nobody is sent away for longer. */
const LONGEST_MS = 10 * 60_000;

/** Under which all are counted as one. */
const ALL = '';

export type SigningTurn =
  | { readonly kind: 'NOW' }
  /** `for`: who was too fast, all together or this server. */
  | { readonly kind: 'LATER'; readonly afterMs: number; readonly for: 'ALL' | 'SERVER' };

export class SigningPace {
  readonly #all = new Pace(ALTOGETHER);
  readonly #servers = new Pace(OF_ONE_SERVER);
  /** The last turn that somebody was told of, and those that are still to come, the next first. */
  #told = Number.NEGATIVE_INFINITY;
  readonly #promised = new Map<string, number>();

  /** May one more be signed for this server? `nowMs` is monotonic. */
  ask(server: string, nowMs: number): SigningTurn {
    this.#forgetPromises(nowMs);
    const ownWaitMs = this.#servers.waitMs(server, nowMs);
    if (ownWaitMs > 0) return { kind: 'LATER', afterMs: ownWaitMs, for: 'SERVER' };
    const promised = this.#promised.get(server);
    if (promised !== undefined) return { kind: 'LATER', afterMs: promised - nowMs, for: 'ALL' };
    const allWaitMs = this.#all.waitMs(ALL, nowMs);
    if (allWaitMs > 0) {
      this.#told = Math.min(Math.max(this.#told, nowMs + allWaitMs) + EVERY_MS, nowMs + LONGEST_MS);
      this.#promised.set(server, this.#told);
      return { kind: 'LATER', afterMs: this.#told - nowMs, for: 'ALL' };
    }
    this.#all.take(ALL, nowMs);
    this.#servers.take(server, nowMs);
    return { kind: 'NOW' };
  }

  /** Servers that are known here: those that were taken or sent away a short while ago. */
  get size(): number {
    return this.#servers.size + this.#promised.size;
  }

  /** What is over and stands behind one that is not is forgotten a little later. */
  #forgetPromises(nowMs: number): void {
    for (const [server, atMs] of this.#promised) {
      if (atMs > nowMs) return;
      this.#promised.delete(server);
    }
  }
}
