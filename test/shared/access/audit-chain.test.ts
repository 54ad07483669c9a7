import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AUDIT_BEGIN,
  type AuditEntry,
  type AuditFacts,
  type AuditFault,
  type AuditMark,
  ChainVerifier,
  linkedEntry,
} from '../../../shared/access/audit-chain.ts';
import { firstOfIncarnation } from '../../../shared/ids.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const facts: fc.Arbitrary<AuditFacts> = fc.record({
  kind: fc.constantFrom('CHANGE', 'RESTORE'),
  ...{ principal: text, method: text, resource: text, requestId: text, outcome: text, source: text },
  ...{ count: fc.nat(), firstWall: fc.nat(), lastWall: fc.nat() },
});

const LOG = { log: 'CHANGES', term: 1 } as const;

function chain(all: readonly AuditFacts[], previous: AuditMark = AUDIT_BEGIN, incarnation = 1): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (const one of all) entries.push(linkedEntry(one, { ...LOG, incarnation, previous: entries.at(-1) ?? previous }));
  return entries;
}

const chains = fc.array(facts, { minLength: 3, maxLength: 12 }).map((all) => chain(all));

/** The first fault; undefined: there is none. */
function faultIn(entries: readonly AuditEntry[], after?: AuditMark, head?: AuditMark): AuditFault | string | undefined {
  const verifier = new ChainVerifier('CHANGES', after);
  for (const entry of entries) {
    const fault = verifier.add(entry);
    if (fault !== undefined) return fault;
  }
  return head !== undefined && verifier.last?.hash !== head.hash ? 'CUT OFF' : undefined;
}

const example = (): AuditEntry[] =>
  chain(
    ['a', 'b', 'c', 'd', 'e'].map((resource) => ({
      ...{ kind: 'CHANGE', principal: 'operator:ann', method: 'm', resource, requestId: '', outcome: 'OK', source: '' },
      ...{ count: 1, firstWall: 1, lastWall: 1 },
    })),
  );

describe('a chain of the audit', () => {
  it('is right as it was written, from its begin or from any entry on', () => {
    fc.assert(
      fc.property(chains, fc.nat(), (entries, n) => {
        const from = n % entries.length;
        expect(faultIn(entries, AUDIT_BEGIN, entries.at(-1))).toBeUndefined();
        expect(faultIn(entries.slice(from), entries[from - 1], entries.at(-1))).toBeUndefined();
        expect(faultIn(entries.slice(from))).toBeUndefined();
      }),
    );
  });

  it('shows that any entry was taken out, the newest ones by the head', () => {
    fc.assert(
      fc.property(chains, fc.nat(), (entries, n) => {
        const at = n % entries.length;
        expect(faultIn(entries.toSpliced(at, 1), AUDIT_BEGIN, entries.at(-1))).toBeDefined();
      }),
    );
  });

  it('shows that any field of any entry was changed, also with its hash made anew', () => {
    const fields = ['kind', 'principal', 'method', 'resource', 'requestId', 'outcome', 'source'] as const;
    fc.assert(
      fc.property(chains, fc.nat(), fc.constantFrom(...fields), text, (entries, n, field, value) => {
        const at = n % entries.length;
        const entry = entries[at];
        fc.pre(entry !== undefined && entry[field] !== value);
        const changed = { ...entry, [field]: value };
        expect(faultIn(entries.with(at, changed), AUDIT_BEGIN)).toMatchObject({ kind: 'CHANGED' });
        const rehashed = linkedEntry(changed, { ...LOG, incarnation: 1, previous: entries[at - 1] ?? AUDIT_BEGIN });
        expect(faultIn(entries.with(at, rehashed), AUDIT_BEGIN, entries.at(-1))).toBeDefined();
      }),
    );
  });

  it('shows that numbers, times, counts and terms were changed', () => {
    const entries = example();
    const [, second] = entries;
    for (const field of ['number', 'term', 'count', 'firstWall', 'lastWall'] as const) {
      const changed = { ...second, [field]: 77 } as AuditEntry;
      expect(faultIn(entries.with(1, changed), AUDIT_BEGIN), field).toMatchObject({ kind: 'CHANGED' });
    }
  });

  it('shows that two entries changed places', () => {
    fc.assert(
      fc.property(chains, fc.nat(), fc.nat(), (entries, n, m) => {
        const [a, b] = [n % entries.length, m % entries.length];
        const [first, other] = [entries[a], entries[b]];
        fc.pre(first !== undefined && other !== undefined && a !== b);
        expect(faultIn(entries.with(a, other).with(b, first), AUDIT_BEGIN)).toBeDefined();
      }),
    );
  });

  it('shows that an entry was put in: one of its own, a made up one, or one linked in by who knows how', () => {
    fc.assert(
      fc.property(chains, fc.nat(), facts, (entries, n, more) => {
        const at = n % entries.length;
        const [before, copy] = [entries[at - 1] ?? AUDIT_BEGIN, entries[at]];
        fc.pre(copy !== undefined);
        const linked = linkedEntry(more, { ...LOG, incarnation: 1, previous: before });
        expect(faultIn(entries.toSpliced(at, 0, linked), AUDIT_BEGIN)).toBeDefined();
        expect(faultIn(entries.toSpliced(at, 0, copy), AUDIT_BEGIN)).toMatchObject({ kind: 'DISORDER' });
      }),
    );
  });

  it('shows that its oldest entries were taken out, when it is known what was dropped', () => {
    const entries = example();
    expect(faultIn(entries.slice(2), entries[1])).toBeUndefined();
    expect(faultIn(entries.slice(2), entries[0])).toMatchObject({ kind: 'MISSING', number: 3 });
    expect(faultIn(entries.slice(2), AUDIT_BEGIN)).toMatchObject({ kind: 'MISSING', number: 3 });
  });

  it('says in words which entry is wrong and why', () => {
    const entries = example();
    expect(faultIn(entries.toSpliced(2, 1))).toMatchObject({ message: 'audit/changes/4: number 3 is not there' });
  });

  it('goes on after a restore from the entry that the copy ended with, and says what was undone', () => {
    const entries = example();
    const restored = chain(example(), entries[2], 2);
    expect(restored[0]?.number).toBe(firstOfIncarnation(2) + 1);
    const verifier = new ChainVerifier('CHANGES', AUDIT_BEGIN);
    for (const entry of [...entries, ...restored]) expect(verifier.add(entry)).toBeUndefined();
    expect(verifier.undone).toEqual([{ log: 'CHANGES', from: 4, to: 5 }]);
    // A store that was copied before anything was undone has a chain without a gap.
    expect(faultIn([...entries.slice(0, 3), ...restored], AUDIT_BEGIN)).toBeUndefined();
    expect(faultIn([...entries.slice(0, 2), ...restored], AUDIT_BEGIN)).toMatchObject({ kind: 'BROKEN' });
    // Nothing but a restore goes back.
    expect(faultIn([...entries, ...chain(example(), entries[2])])).toMatchObject({ kind: 'DISORDER' });
  });
});
