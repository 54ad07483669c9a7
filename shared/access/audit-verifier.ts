/** Both logs of the audit, verified: what a controller has, a file that was exported, or the one against the other. Pure. */
import {
  AUDIT_LOGS,
  type AuditEntry,
  type AuditHead,
  type AuditLogName,
  type AuditMark,
  type AuditUndone,
  ChainVerifier,
} from './audit-chain.ts';

/** What was found of one log. */
export interface VerifiedLog {
  readonly log: AuditLogName;
  readonly count: number;
  /** Number of the first entry; undefined: there was none. */
  readonly first: number | undefined;
  /** The newest entry; undefined: there was none, and nothing that it should have gone on from. */
  readonly last: AuditMark | undefined;
  readonly undone: readonly AuditUndone[];
}

export class AuditVerifier {
  readonly #chains: Readonly<Record<AuditLogName, ChainVerifier>>;
  readonly #first = new Map<AuditLogName, number>();

  /** `begin`: what is kept goes on from there. None: each log may begin with any entry. */
  constructor(begin: readonly AuditHead[] = []) {
    const chain = (log: AuditLogName): ChainVerifier =>
      new ChainVerifier(log, begin.find((head) => head.log === log)?.dropped);
    this.#chains = { CHANGES: chain('CHANGES'), ACCESS: chain('ACCESS') };
  }

  get logs(): readonly VerifiedLog[] {
    return AUDIT_LOGS.map((log) => {
      const { count, last, undone } = this.#chains[log];
      return { log, count, first: this.#first.get(log), last, undone };
    });
  }

  /** Takes the next entry of its log. Undefined: it is right; else what is wrong, in words. */
  add(entry: AuditEntry): string | undefined {
    const fault = this.#chains[entry.log].add(entry);
    if (fault !== undefined) return fault.message;
    if (!this.#first.has(entry.log)) this.#first.set(entry.log, entry.number);
    return undefined;
  }

  /** Takes what a controller has of a log of which a part was taken already: that must be the same, and the rest must go on from it. */
  compare(entry: AuditEntry): string | undefined {
    const chain = this.#chains[entry.log];
    if (chain.last === undefined || entry.number > chain.last.number) return this.add(entry);
    // Older than all that is in the file: nothing to compare with.
    if (entry.number < (this.#first.get(entry.log) ?? 0)) return undefined;
    const isSame = chain.numberOf(entry.hash) === entry.number;
    return isSame ? undefined : `${nameOf(entry)}: the controllers have another one than the file`;
  }

  /** Whether the newest entries are there. */
  end(heads: readonly AuditHead[]): string | undefined {
    for (const { log, head } of heads) {
      const { last } = this.#chains[log];
      const number = last?.number ?? 0;
      if (number < head.number) return `${nameOf({ log, number: head.number })}: it is the newest, and not there`;
      if (number > head.number) return `${nameOf({ log, number })}: the controllers know of none after ${head.number}`;
      if (head.number > 0 && last?.hash !== head.hash)
        return `${nameOf({ log, number })}: it is not the end of the chain`;
    }
    return undefined;
  }
}

const nameOf = ({ log, number }: Pick<AuditEntry, 'log' | 'number'>): string => `audit/${log.toLowerCase()}/${number}`;
