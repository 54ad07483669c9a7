/** Which forgotten attempts keep their output: room for each policy, and a bound for the host. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EndedOutput, type OutputRetention, outdatedOutputs } from '../../../keeper/core/output-retention.ts';
import { LIMITS } from '../../../shared/limits.ts';

const NOW = 1_000_000;
const LARGE: OutputRetention = { newest: 2, policyBytes: 1e9, hostBytes: 1e9, ageMs: 1e9 };

const ended = (key: string, policy: string, agoMs: number, more: Partial<EndedOutput> = {}): EndedOutput => ({
  ...{ key, policy, endedWall: NOW - agoMs, failed: false, bytes: 10 },
  ...more,
});

const numbered = (policy: string, count: number): EndedOutput[] =>
  Array.from({ length: count }, (_, i) => ended(`${policy}-${i}`, policy, count - i));

const outputs = fc
  .array(
    fc.record({
      policy: fc.constantFrom('', 'a', 'b', 'c'),
      failed: fc.boolean(),
      endedWall: fc.integer({ min: NOW - 100, max: NOW + 10 }),
      bytes: fc.integer({ min: 0, max: 50 }),
    }),
    { maxLength: 40 },
  )
  .map((all) => all.map((one, i): EndedOutput => ({ ...one, key: `k${i}` })));
const retentions = fc.record({
  newest: fc.integer({ min: 1, max: 4 }),
  policyBytes: fc.integer({ min: 1, max: 300 }),
  hostBytes: fc.integer({ min: 1, max: 600 }),
  ageMs: fc.integer({ min: 1, max: 100 }),
});

const bytesOf = (all: readonly EndedOutput[]): number => all.reduce((sum, { bytes }) => sum + bytes, 0);

/** What is kept, newest first. */
function keptOf(all: readonly EndedOutput[], limits: OutputRetention): readonly EndedOutput[] {
  const gone = new Set(outdatedOutputs(all, limits, NOW));
  return all.filter(({ key }) => !gone.has(key)).sort((a, b) => b.endedWall - a.endedWall);
}

describe('the output of forgotten attempts', () => {
  it('of a failed run outlives a neighbour that restarts ten thousand times', () => {
    const important = ended('important-1', 'important', NOW, { failed: true });
    const kept = keptOf([important, ...numbered('looper', 10_000)], LARGE);
    expect(kept).toContain(important);
    expect(kept).toHaveLength(1 + LIMITS.outputPolicyAttempts);
  });

  it('of a failed attempt outlives those of the same policy that went well after it', () => {
    const failure = ended('failure', 'job', 5_000, { failed: true });
    const olderFailure = ended('older-failure', 'job', 6_000, { failed: true });
    const kept = keptOf([olderFailure, failure, ...numbered('job', 50)], { ...LARGE, policyBytes: 100 });
    expect(kept).toContain(failure);
    expect(kept).not.toContain(olderFailure);
  });

  it('goes by age, but for the newest few', () => {
    const kept = keptOf(numbered('job', 10), { ...LARGE, newest: 2, ageMs: 5 });
    expect(kept.map(({ key }) => key)).toEqual(['job-9', 'job-8', 'job-7', 'job-6', 'job-5']);
    expect(keptOf(numbered('job', 10), { ...LARGE, newest: 2, ageMs: 0 }).map(({ key }) => key)).toEqual([
      'job-9',
      'job-8',
    ]);
  });

  it('goes as its policy wants, the newest ones too, and by the newest word of it', () => {
    const all = (wanted: EndedOutput['wanted']) => numbered('job', 10).map((one) => ({ ...one, wanted }));
    const keys = (outputs: readonly EndedOutput[]) => keptOf(outputs, LARGE).map(({ key }) => key);
    expect(keys(all({ ageMs: 3 }))).toEqual(['job-9', 'job-8', 'job-7']);
    expect(keys(all({ ageMs: 0 }))).toEqual([]);
    expect(keys(all({ bytes: 35 }))).toEqual(['job-9', 'job-8', 'job-7']);
    expect(keys(all({ bytes: 5 }))).toEqual([]);
    // More than the keeper is configured to keep, but not more than its host has for all.
    const roomy = (hostBytes: number) => keptOf(all({ bytes: 100 }), { ...LARGE, policyBytes: 20, hostBytes });
    expect(roomy(1e9)).toHaveLength(10);
    expect(roomy(50)).toHaveLength(5);
    const edited = all({ ageMs: 3 }).map((one) => (one.key === 'job-9' ? { ...one, wanted: { ageMs: 6 } } : one));
    expect(keys(edited)).toHaveLength(6);
  });

  it('of a failure is bounded by what its policy wants as well', () => {
    const failure = ended('failure', 'job', 500, { failed: true, wanted: { ageMs: 100 } });
    const newer = ended('newer', 'job', 10, { wanted: { ageMs: 100 } });
    expect(keptOf([failure, newer], LARGE)).toEqual([newer]);
  });

  it('is taken from the policy with most when the host has no room, and from the newest attempts last', () => {
    const all = [...numbered('large', 8), ...numbered('small', 3)];
    const keys = (hostBytes: number) =>
      keptOf(all, { ...LARGE, hostBytes })
        .map(({ key }) => key)
        .sort();
    expect(keys(60)).toEqual(['large-5', 'large-6', 'large-7', 'small-0', 'small-1', 'small-2']);
    expect(keys(40)).toEqual(['large-6', 'large-7', 'small-1', 'small-2']);
    expect(keys(20)).toEqual(['large-7', 'small-2']);
  });

  it('is bounded in number over all policies, however many there are', () => {
    const all = Array.from({ length: LIMITS.outputHostAttempts + 50 }, (_, i) => ended(`k${i}`, `p${i}`, NOW - i));
    const gone = outdatedOutputs(all, LARGE, NOW);
    expect(new Set(gone)).toEqual(new Set(all.slice(0, 50).map(({ key }) => key)));
  });

  it('never takes more than the host has for it, whatever there is', () => {
    fc.assert(
      fc.property(outputs, retentions, (all, limits) => {
        const gone = outdatedOutputs(all, limits, NOW);
        expect(new Set(gone).size).toBe(gone.length);
        expect(bytesOf(keptOf(all, limits))).toBeLessThanOrEqual(limits.hostBytes);
      }),
    );
  });

  it('is decided for each policy as if it were alone, while the host has room', () => {
    fc.assert(
      fc.property(outputs, retentions, (all, limits) => {
        const roomy = { ...limits, hostBytes: 1e9 };
        for (const policy of new Set(all.map((one) => one.policy))) {
          const its = all.filter((one) => one.policy === policy);
          const kept = keptOf(all, roomy).filter((one) => one.policy === policy);
          expect(kept).toEqual(keptOf(its, roomy));
          expect(kept.length).toBeGreaterThanOrEqual(Math.min(its.length, roomy.newest));
          expect(kept.some(({ failed }) => failed)).toBe(its.some(({ failed }) => failed));
          // Beyond what is guaranteed, the newest failed one among it, both bounds hold.
          if (kept.length <= roomy.newest + 1) continue;
          expect(bytesOf(kept)).toBeLessThanOrEqual(roomy.policyBytes);
        }
      }),
    );
  });

  it('is not asked for again: what is kept now is kept by a second look', () => {
    fc.assert(
      fc.property(outputs, retentions, (all, limits) => {
        expect(outdatedOutputs(keptOf(all, limits), limits, NOW)).toEqual([]);
      }),
    );
  });
});
