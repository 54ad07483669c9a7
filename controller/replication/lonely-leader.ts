/**
 * Whether a leader should give the lead up because agents can't reach it (semantics C6). A controller may reach etcd and the others and
 * still be cut off from the agents: a firewall, a wrong address, a listener that hangs. It keeps its lease, so nobody replaces it, and
 * every lease of its agents runs out.
 *
 * Think of an innkeeper whose inn stays empty. Perhaps nobody travels; perhaps the bridge is down. He asks at the other inns. If
 * travellers whom they sent on keep coming back to them, he closes his for a while and somebody else takes the guests.
 *
 * His own nap is no silence: after a pause of this process the agents have the whole time again.
 */

/** The shortest silence that counts. It is also never shorter than two heartbeat intervals: quiet agents are no silence. */
export const QUIET_MS = 10_000;
/** How long a leader that gave up stays out of the elections. */
export const REST_MS = 60_000;

export interface LeaderLook {
  readonly mono: number;
  /** Of this controller's own leadership. */
  readonly term: number;
  /** What agents have done here; anything new breaks the silence. */
  readonly heard: number;
  /** Longest interval between two heartbeats of an agent. */
  readonly heartbeatMs: number;
  /** This process stood still since the last look. */
  readonly paused: boolean;
}

/** What a follower says: how many Hellos it refused in the leader's term. */
export interface Testimony {
  readonly candidate: string;
  readonly refusedHellos: number;
}

export type Advice =
  | { readonly kind: 'stay' }
  /** `to` is the follower that most agents came to. */
  | { readonly kind: 'resign'; readonly to: string; readonly silentMs: number; readonly refusedHellos: number };

const STAY: Advice = { kind: 'stay' };

export class LonelyLeader {
  #term = 0;
  #heard = 0;
  #heardMono = 0;
  #limitMs = QUIET_MS;
  /** What the followers said when they were first asked in this silence. */
  #asked: Map<string, number> | undefined;

  /** To be called about once a second while this controller leads. True: it is worth asking the followers, for `judge`. */
  look({ mono, term, heard, heartbeatMs, paused }: LeaderLook): boolean {
    if (term !== this.#term || heard !== this.#heard || paused) {
      this.#term = term;
      this.#heard = heard;
      this.#heardMono = mono;
      this.#asked = undefined;
    }
    this.#limitMs = Math.max(QUIET_MS, 2 * heartbeatMs);
    return mono - this.#heardMono >= this.#limitMs / 2;
  }

  /**
   * Judges what the followers say. Only Hellos that were refused between two questions of the same silence count: an older note tells
   * of trouble that may be over.
   */
  judge(mono: number, testimonies: readonly Testimony[]): Advice {
    const before = this.#asked;
    if (before === undefined) {
      this.#asked = new Map(testimonies.map(({ candidate, refusedHellos }) => [candidate, refusedHellos]));
      return STAY;
    }
    // A follower that has said less than before was restarted, and counts from the start: all of it is new.
    for (const { candidate, refusedHellos } of testimonies) {
      if (refusedHellos < (before.get(candidate) ?? 0)) before.delete(candidate);
    }
    const silentMs = mono - this.#heardMono;
    if (silentMs < this.#limitMs) return STAY;
    const since = testimonies
      .map(({ candidate, refusedHellos }) => ({ candidate, more: refusedHellos - (before.get(candidate) ?? 0) }))
      .sort((a, b) => b.more - a.more || (a.candidate < b.candidate ? -1 : 1));
    const [most] = since;
    if (most === undefined || most.more <= 0) return STAY;
    const refusedHellos = since.reduce((sum, { more }) => sum + Math.max(0, more), 0);
    return { kind: 'resign', to: most.candidate, silentMs, refusedHellos };
  }
}
