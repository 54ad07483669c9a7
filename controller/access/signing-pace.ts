/**
 * How fast certificates are renewed. Two rates, as a queue at a counter has them: so many customers a second altogether, and none who comes
 * again and again. Who finds no room is told when it will be his turn, each one a little later than the one before: a thousand that come at
 * once come back one by one. Whoever asks before his turn is told the same again, and pushes nobody back; one who never comes holds nobody up.
 *
 * Source of the rates: the virtual scheduling form of the generic cell rate algorithm (ITU-T I.371).
 */

/** Signed in a second, once the burst is used up: with the handshakes of those who ask a tenth of a processor. */
const SIGNED_EACH_SECOND = 20;
const BURST = 40;
/** Of one server: so many at once, and one more each so often. */
const [SERVER_BURST, SERVER_EVERY_MS] = [5, 10_000];
/** Nobody is sent away for longer. */
const LONGEST_MS = 10 * 60_000;

const EVERY_MS = 1_000 / SIGNED_EACH_SECOND;

export type SigningTurn =
  | { readonly kind: 'NOW' }
  /** `for`: who was too fast, all together or this server. */
  | { readonly kind: 'LATER'; readonly afterMs: number; readonly for: 'ALL' | 'SERVER' };

export class SigningPace {
  /** When all that were taken would have been taken one by one. */
  #all = Number.NEGATIVE_INFINITY;
  /** The same of each server; at most as many as are taken while one of them counts, the oldest first. */
  readonly #servers = new Map<string, number>();
  /** The last turn that somebody was told of, and those that are still to come, the next first. */
  #told = Number.NEGATIVE_INFINITY;
  readonly #promised = new Map<string, number>();

  /** May one more be signed for this server? `nowMs` is monotonic. */
  ask(server: string, nowMs: number): SigningTurn {
    this.#forget(nowMs);
    const own = this.#servers.get(server) ?? nowMs;
    const ownWaitMs = own - nowMs - (SERVER_BURST - 1) * SERVER_EVERY_MS;
    if (ownWaitMs > 0) return { kind: 'LATER', afterMs: ownWaitMs, for: 'SERVER' };
    const promised = this.#promised.get(server);
    if (promised !== undefined) return { kind: 'LATER', afterMs: promised - nowMs, for: 'ALL' };
    const allWaitMs = this.#all - nowMs - (BURST - 1) * EVERY_MS;
    if (allWaitMs > 0) {
      this.#told = Math.min(Math.max(this.#told, nowMs + allWaitMs) + EVERY_MS, nowMs + LONGEST_MS);
      this.#promised.set(server, this.#told);
      return { kind: 'LATER', afterMs: this.#told - nowMs, for: 'ALL' };
    }
    this.#all = Math.max(this.#all, nowMs) + EVERY_MS;
    this.#servers.delete(server);
    this.#servers.set(server, Math.max(own, nowMs) + SERVER_EVERY_MS);
    return { kind: 'NOW' };
  }

  /** Servers that are known here: those that were taken or sent away a short while ago. */
  get size(): number {
    return this.#servers.size + this.#promised.size;
  }

  #forget(nowMs: number): void {
    forgetBefore(this.#servers, nowMs);
    forgetBefore(this.#promised, nowMs);
  }
}

/** Written longest ago comes first; what is over and stands behind one that is not is forgotten a little later. */
function forgetBefore(times: Map<string, number>, nowMs: number): void {
  for (const [server, atMs] of times) {
    if (atMs > nowMs) return;
    times.delete(server);
  }
}
