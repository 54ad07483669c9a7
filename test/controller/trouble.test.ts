import { describe, expect, it } from 'vitest';
import { ControllerMetrics } from '../../controller/metrics.ts';
import { storeTrouble } from '../../controller/trouble.ts';
import { stateOfNewLeader } from './new-leader.ts';

const quiet = { trouble: undefined, waitingRecords: 0, waitingBytes: 0, waitingMs: undefined };

describe('the store in the status', () => {
  it('is nothing to tell of while it takes what it is given, or nobody leads', () => {
    expect(storeTrouble(undefined, 1_000_000)).toEqual([]);
    expect(storeTrouble(quiet, 1_000_000)).toEqual([]);
    expect(storeTrouble({ ...quiet, waitingRecords: 7, waitingMs: 1_999 }, 1_000_000)).toEqual([]);
  });

  it('is slow once a commit has waited for 2 s, with since when and how much waits', () => {
    expect(storeTrouble({ ...quiet, waitingRecords: 7, waitingMs: 2_500 }, 1_000_000)).toMatchObject([
      {
        ...{ resource: 'cluster', reason: 'STORE_SLOW', sinceWall: 997_500, command: 'locum controllers' },
        message: 'the store has not answered a commit for so long, 7 records wait for it',
      },
    ]);
  });

  it('refuses, with why and what to do', () => {
    const trouble = { reason: 'STORE_FULL', detail: 'no space' } as const;
    const [found] = storeTrouble({ ...quiet, trouble, waitingRecords: 1, waitingMs: 60_000 }, 1_000_000);
    expect(found).toMatchObject({ reason: 'STORE_REFUSES', sinceWall: 940_000 });
    expect(found?.message).toMatch(/^the store takes no writes, 1 record .*: no space: /);
  });

  it('is in the metrics as in the status, as is what else the core does not know of', async () => {
    const metrics = new ControllerMetrics();
    const source = { state: stateOfNewLeader(), mailboxDepth: 0, pendingCalls: 0, storeStatus: quiet };
    metrics.source = source;
    metrics.trouble = () => [
      ...storeTrouble({ ...quiet, waitingMs: 3_000 }, 1_000_000),
      ...['c2', 'c3'].map((id) => ({
        ...({ resource: `controllers/${id}`, reason: 'CONTROLLER_GONE', message: '', command: '' } as const),
        ...{ sinceWall: undefined, etaWall: undefined },
      })),
    ];
    const text = await metrics.registry.metrics();
    expect(text).toContain('locum_deviations{reason="STORE_SLOW"} 1');
    expect(text).toContain('locum_deviations{reason="CONTROLLER_GONE"} 2');
    expect(text).toContain('locum_deviations{reason="STORE_REFUSES"} 0');
    expect(text).toContain('locum_deviations{reason="PROBE_FAILING"} 0');
  });
});
