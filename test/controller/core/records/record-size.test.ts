import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../../controller/codec/record.ts';
import { emptyCluster } from '../../../../controller/core/cluster/cluster.ts';
import { Journal } from '../../../../controller/core/cluster/journal.ts';
import { roughBytesOf } from '../../../../controller/core/records/record-size.ts';
import type { Policy } from '../../../../controller/core/records/state.ts';
import { present } from '../../../../shared/assert.ts';
import { policies, stateRecords } from '../../codec/arbitrary-records.ts';

const policy = (scriptLength: number): Policy => {
  const sample = present(fc.sample(policies, { numRuns: 1, seed: 1 })[0], 'one was asked for');
  const { env, workingDirectory, user } = sample.spec.workload;
  const text = 'x'.repeat(scriptLength);
  const workload = { env, workingDirectory, user, kind: 'script', interpreter: [], text } as const;
  return { ...sample, spec: { ...sample.spec, workload } };
};

describe('the rough size of a record', () => {
  it('is no less than a quarter of what is stored, whatever the record', () => {
    fc.assert(
      fc.property(stateRecords, (record) => {
        expect(4 * roughBytesOf(record)).toBeGreaterThan(encodeRecord(record).byteLength);
      }),
      { seed: 8, numRuns: 500 },
    );
  });

  it('grows with what users make large', () => {
    expect(roughBytesOf(policy(150_000)) - roughBytesOf(policy(0))).toBe(150_000);
  });

  it('is counted once for each record that waits, as it is now, and no more when it was taken', () => {
    const journal = new Journal(emptyCluster('test'));
    journal.put(policy(50_000));
    const { sizeBytes } = journal;
    journal.put(policy(50_000));
    expect(journal.sizeBytes).toBe(sizeBytes);
    journal.put(policy(10_000));
    expect(sizeBytes - journal.sizeBytes).toBe(40_000);
    journal.delete(`policies/${policy(0).id}`);
    expect(journal.sizeBytes).toBeLessThan(1_000);
    journal.takeWrites();
    expect(journal.sizeBytes).toBe(0);
  });
});
