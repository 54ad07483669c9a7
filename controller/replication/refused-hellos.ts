/**
 * What a follower tells the leader about agents that the leader should have had (semantics C6). A follower sends each agent that comes
 * to it on to the leader. One that gets there does not come back; so when Hellos go on and on, the leader can't be reached by agents,
 * and it can't know that from its own side. Those that the follower held in vain, because the leader does not answer it either, say the
 * same. The count of them stands as a note beside the follower's membership in the store.
 *
 * The note is bounded: it is one, it is replaced at most every two seconds, and never while nothing is refused. Agents that look for a
 * new leader after an election are past in a moment, and cause none.
 */

/** Hellos of agents that a follower sent on to the leader of a term, or held in vain. */
export interface RefusedHellos {
  readonly term: number;
  readonly count: number;
}

export interface FollowerLook {
  readonly mono: number;
  /** Term of the other controller that leads; undefined: none is known. */
  readonly term: number | undefined;
  /** Hellos refused since the process began. */
  readonly refusedHellos: number;
}

/** Refusals for less than this are agents that find their way. */
export const LASTING_MS = 3_000;
/** Between two notes. */
export const NOTE_EVERY_MS = 2_000;
/** After a time without refusals, the next is the first again. */
export const OVER_MS = 30_000;

export class RefusalRecord {
  #term: number | undefined;
  /** Refused before this term was known; and up to the last look. */
  #before = 0;
  #seen = 0;
  /** When the refusals began that still go on, and when the last one was seen. */
  #firstMono = 0;
  #lastMono = Number.NEGATIVE_INFINITY;
  #noted = 0;
  #notedMono = Number.NEGATIVE_INFINITY;

  /** To be called about once a second. Answers with what to note now, or undefined. */
  look({ mono, term, refusedHellos }: FollowerLook): RefusedHellos | undefined {
    if (term !== this.#term) this.#begin(term, refusedHellos);
    if (refusedHellos !== this.#seen) {
      if (mono - this.#lastMono > OVER_MS) this.#firstMono = mono;
      this.#lastMono = mono;
      this.#seen = refusedHellos;
    }
    const count = this.#seen - this.#before;
    const lasting = this.#lastMono - this.#firstMono >= LASTING_MS;
    if (term === undefined || count === this.#noted || !lasting) return undefined;
    if (mono - this.#notedMono < NOTE_EVERY_MS) return undefined;
    this.#noted = count;
    this.#notedMono = mono;
    return { term, count };
  }

  #begin(term: number | undefined, refusedHellos: number): void {
    this.#term = term;
    this.#before = refusedHellos;
    this.#seen = refusedHellos;
    this.#noted = 0;
    this.#lastMono = Number.NEGATIVE_INFINITY;
    this.#firstMono = 0;
  }
}

/** What a follower noted for this term. Anything else counts as nothing. */
export function countRefusedHellos(note: string, term: number): number {
  try {
    const value: unknown = JSON.parse(note);
    if (typeof value !== 'object' || value === null) return 0;
    const fields = new Map<string, unknown>(Object.entries(value));
    const count = fields.get('refusedHellos');
    return fields.get('term') === term && typeof count === 'number' ? count : 0;
  } catch {
    return 0;
  }
}
