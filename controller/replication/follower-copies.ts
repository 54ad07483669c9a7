/**
 * How old the copies of the followers are, as the leader knows it by what they say. Pure: time is an argument.
 *
 * Of each follower one moment is kept: its copy has all that was in the store then. A report that lacks nothing moves it to now; one that
 * lacks something moves it to the first commit that it lacks; silence, and a store that does not answer the follower, leave it where it is.
 * So one number, the time since then, says both how far behind and how silent it is, at most.
 */

import type { HeldCertificate } from '../../shared/protocol/agent-message.ts';

export interface CopyReport {
  /** Of the follower. */
  readonly id: string;
  /** Revision of its copy; 0: it has none yet. */
  readonly revision: number;
  /** Why the store does not answer it. Empty: it does. */
  readonly storeProblem: string;
  /** That it shows. Undefined: none. */
  readonly certificate?: HeldCertificate | undefined;
}

/** Monotonic times are the leader's. */
export interface FollowerCopy {
  readonly id: string;
  /** Its copy has all that was in the store then. */
  readonly asOfMono: number;
  /** Its last report. Undefined: it has made none to this leader. */
  readonly heardMono: number | undefined;
  /** By its last report; 0: it lacked nothing. */
  readonly behindRevisions: number;
  readonly storeProblem: string;
  /** Of its last report. */
  readonly certificate: HeldCertificate | undefined;
  /** Whether the store hears of it. */
  readonly isMember: boolean;
}

interface Known {
  asOfMono: number;
  heardMono: number | undefined;
  revision: number;
  lacked: boolean;
  storeProblem: string;
  certificate: HeldCertificate | undefined;
  isMember: boolean;
}

/** When the store came to a revision, as far as the leader looked. */
interface Mark {
  readonly revision: number;
  readonly mono: number;
}

/** Time between two reports of a follower, and between two looks of the leader. */
export const REPORT_MS = 2_000;
export const LOOK_MS = 1_000;
/** A copy that may be older, or a follower that was not heard for longer, is a problem: five reports. */
export const LATE_MS = 10_000;
/** A look that comes so late was a pause of the leader, in which it heard nobody. */
const PAUSE_MS = 2_000;
/** Controllers are few; where nobody is asked who he is, anybody can report. */
const FOLLOWERS_MAX = 64;
const MARKS_MAX = 64;

export class FollowerCopies {
  readonly #known = new Map<string, Known>();
  #marks: readonly Mark[] = [];
  #lookedMono: number;

  /** A term begins. */
  constructor(mono: number) {
    this.#lookedMono = mono;
  }

  /**
   * To be called about once in LOOK_MS. `revision`: of the newest commit of this term; undefined: there was none. `members`: the other
   * controllers that the store hears of.
   */
  look(revision: number | undefined, members: readonly string[], mono: number): void {
    const lateMs = mono - this.#lookedMono - LOOK_MS;
    if (lateMs > PAUSE_MS) this.#forgive(lateMs);
    this.#lookedMono = mono;
    this.#mark(revision, mono);
    for (const id of members) if (!this.#known.has(id)) this.#meet(id, mono);
    for (const [id, known] of this.#known) {
      known.isMember = members.includes(id);
      if (!known.isMember && !isHeard(known, mono)) this.#known.delete(id);
    }
  }

  /** `revision`: as for `look`, at this moment. */
  reported(report: CopyReport, revision: number | undefined, mono: number): void {
    this.#mark(revision, mono);
    const known = this.#known.get(report.id) ?? this.#meet(report.id, mono);
    if (known === undefined) return;
    const lacks = this.#marks.find((mark) => mark.revision > report.revision);
    const stands = known.lacked && known.revision === report.revision;
    if (lacks !== undefined && !stands) known.asOfMono = lacks.mono;
    if (lacks === undefined && report.storeProblem === '') known.asOfMono = mono;
    known.lacked = lacks !== undefined;
    known.heardMono = mono;
    known.revision = report.revision;
    known.storeProblem = report.storeProblem;
    known.certificate = report.certificate;
  }

  /** By id. */
  get all(): readonly FollowerCopy[] {
    const newest = this.#marks.at(-1)?.revision ?? 0;
    const copies = Array.from(this.#known, ([id, known]) => {
      const { asOfMono, heardMono, storeProblem, certificate, isMember } = known;
      const behindRevisions = heardMono === undefined ? 0 : Math.max(0, newest - known.revision);
      return { id, asOfMono, heardMono, behindRevisions, storeProblem, certificate, isMember };
    });
    return copies.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #meet(id: string, mono: number): Known | undefined {
    if (this.#known.size >= FOLLOWERS_MAX) return undefined;
    const met = {
      asOfMono: mono,
      heardMono: undefined,
      revision: 0,
      lacked: false,
      storeProblem: '',
      isMember: false,
      certificate: undefined,
    };
    this.#known.set(id, met);
    return met;
  }

  /** Who did not listen can't call anybody silent. */
  #forgive(ms: number): void {
    for (const known of this.#known.values()) {
      known.asOfMono += ms;
      if (known.heardMono !== undefined) known.heardMono += ms;
    }
  }

  /** The first mark stays, and of the others every second goes when they are too many: the older, the coarser. */
  #mark(revision: number | undefined, mono: number): void {
    if (revision === undefined || revision <= (this.#marks.at(-1)?.revision ?? -1)) return;
    if (this.#marks.length >= MARKS_MAX) this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
    this.#marks = [...this.#marks, { revision, mono }];
  }
}

const isHeard = ({ heardMono }: Pick<Known, 'heardMono'>, mono: number): boolean =>
  heardMono !== undefined && mono - heardMono < LATE_MS;

export type Lateness = 'FOLLOWER_BEHIND' | 'FOLLOWER_SILENT';

/** What is wrong with a follower, and since when; undefined: nothing. */
export function latenessOf(
  copy: FollowerCopy,
  mono: number,
): { readonly reason: Lateness; readonly sinceMono: number } | undefined {
  if (mono - copy.asOfMono < LATE_MS) return undefined;
  if (isHeard(copy, mono)) return { reason: 'FOLLOWER_BEHIND', sinceMono: copy.asOfMono };
  // One that neither the leader nor the store hears of is gone, which is told elsewhere.
  return copy.isMember ? { reason: 'FOLLOWER_SILENT', sinceMono: copy.heardMono ?? copy.asOfMono } : undefined;
}
