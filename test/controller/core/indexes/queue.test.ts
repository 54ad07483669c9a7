import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AGING_STEP_MS, type QueueEntry, RunQueue } from '../../../../controller/core/indexes/queue.ts';
import type { QueueCause } from '../../../../controller/core/records/state.ts';
import { type RunId, runId } from '../../../../shared/ids.ts';
import { MINUTE } from '../../../../shared/time.ts';
import { propertyRuns } from '../property.ts';

function entry(run: string, changes: Partial<QueueEntry> = {}): QueueEntry {
  return { run: runId(run), priority: 50, cause: 'START', sinceAge: 0, slots: 1, ...changes };
}

function queueOf(...entries: readonly QueueEntry[]): RunQueue {
  const queue = new RunQueue();
  for (const one of entries) queue.add(one);
  return queue;
}

function order(queue: RunQueue, nowWall: number): readonly RunId[] {
  return queue.ordered(nowWall).map(({ run }) => run);
}

/** The order by the text of semantics section 9, without any cache. */
function naiveOrder(entries: readonly QueueEntry[], nowWall: number): readonly RunId[] {
  const causes: readonly QueueCause[] = ['RECOVERY', 'START', 'MOVE'];
  const keys = entries.map((one) => {
    const waited = Math.max(0, nowWall - one.sinceAge);
    const raised = one.priority + Math.min(20, Math.floor(waited / 300_000));
    return { run: one.run, keys: [-raised, causes.indexOf(one.cause), one.sinceAge] };
  });
  return keys
    .sort((a, b) => {
      for (const [i, key] of a.keys.entries()) if (key !== b.keys[i]) return key - (b.keys[i] ?? 0);
      return Number(a.run.split('-').at(-1)) - Number(b.run.split('-').at(-1)) || (a.run < b.run ? -1 : 1);
    })
    .map(({ run }) => run);
}

describe('the queue of runs without room', () => {
  it('serves runs that came together by their number, and not as texts', () => {
    const queue = queueOf(entry('job-10'), entry('job-9'), entry('a-100'), entry('z-2'));
    expect(order(queue, 0)).toEqual(['z-2', 'job-9', 'job-10', 'a-100']);
  });

  it('serves by priority, then cause, then time, then id', () => {
    const queue = queueOf(
      entry('z', { priority: 10 }),
      entry('m', { cause: 'MOVE' }),
      entry('b'),
      entry('a'),
      entry('early', { sinceAge: -1 }),
      entry('r', { cause: 'RECOVERY', sinceAge: 5 }),
      entry('p', { priority: 51, cause: 'MOVE', sinceAge: 9 }),
    );
    expect(order(queue, 10)).toEqual(['p', 'r', 'early', 'a', 'b', 'm', 'z']);
  });

  it('raises a waiting run by 1 for each 5 minutes, and by no more than 20', () => {
    const queue = queueOf(entry('old', { priority: 30 }), entry('new', { priority: 50, sinceAge: 200 * MINUTE }));
    expect(order(queue, 99 * MINUTE)).toEqual(['new', 'old']);
    expect(order(queue, 100 * MINUTE)).toEqual(['old', 'new']);
    expect(order(queue, 204 * MINUTE)).toEqual(['old', 'new']);
    expect(order(queue, 205 * MINUTE)).toEqual(['new', 'old']);
  });

  it('takes back what waiting added when the wall clock is set back', () => {
    const queue = queueOf(entry('old'), entry('new', { priority: 51, sinceAge: 10 * MINUTE }));
    expect(order(queue, 10 * MINUTE)).toEqual(['old', 'new']);
    expect(order(queue, 4 * MINUTE)).toEqual(['new', 'old']);
    expect(order(queue, -60 * MINUTE)).toEqual(['new', 'old']);
  });

  it('tells positions from 1', () => {
    const queue = queueOf(entry('a', { priority: 1 }), entry('b', { priority: 2 }));
    expect(queue.position(runId('a'), 0)).toBe(2);
    expect(queue.position(runId('b'), 0)).toBe(1);
    expect(queue.position(runId('c'), 0)).toBeUndefined();
    queue.remove(runId('b'));
    expect(queue.position(runId('a'), 0)).toBe(1);
    expect(queue.position(runId('b'), 0)).toBeUndefined();
  });

  it('replaces an entry of the same run, also by itself', () => {
    const first = entry('a', { priority: 1 });
    const queue = queueOf(first, entry('b', { priority: 2 }), first);
    expect(order(queue, 0)).toEqual(['b', 'a']);
    queue.add(first);
    queue.add(entry('b', { priority: 0 }));
    expect(order(queue, 0)).toEqual(['a', 'b']);
    expect(queue.get(runId('b'))?.priority).toBe(0);
    expect(queue.size).toBe(2);
  });

  it('can be changed while its order is walked', () => {
    const queue = queueOf(entry('a'), entry('b'), entry('c'));
    const walked = queue.ordered(0).map((one) => {
      queue.remove(one.run);
      queue.add(entry(`${one.run}-again`));
      queue.ordered(0);
      return one.run;
    });
    expect(walked).toEqual(['a', 'b', 'c']);
    expect(order(queue, 0)).toEqual(['a-again', 'b-again', 'c-again']);
  });

  it('answers with the same array until a run comes, goes or ages', () => {
    const queue = queueOf(entry('a'), entry('b', { sinceAge: MINUTE }));
    const before = queue.ordered(2 * MINUTE);
    expect(queue.ordered(AGING_STEP_MS - 1)).toBe(before);
    expect(queue.ordered(-MINUTE)).toBe(before);
    expect(queue.ordered(AGING_STEP_MS)).not.toBe(before);
    const aged = queue.ordered(AGING_STEP_MS);
    expect(queue.ordered(AGING_STEP_MS + MINUTE - 1)).toBe(aged);
    expect(queue.remove(runId('nobody'))).toBe(false);
    expect(queue.ordered(AGING_STEP_MS)).toBe(aged);
    expect(queue.remove(runId('a'))).toBe(true);
    expect(queue.ordered(AGING_STEP_MS)).not.toBe(aged);
  });

  it('agrees with a plain sort under any sequence of changes and any wall clock', () => {
    const run = fc.integer({ min: 0, max: 9 });
    const added = fc.record({
      kind: fc.constant('add' as const),
      run,
      priority: fc.integer({ min: 48, max: 52 }),
      cause: fc.constantFrom<QueueCause>('RECOVERY', 'START', 'MOVE'),
      since: fc.integer({ min: 0, max: 3 }).map((n) => n * 100_000),
    });
    const change = fc.oneof(
      added,
      fc.record({ kind: fc.constant('remove' as const), run }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: -10 * MINUTE, max: 20 * MINUTE }) }),
      fc.record({ kind: fc.constant('ask' as const) }),
    );
    const property = fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const queue = new RunQueue();
      const naive = new Map<RunId, QueueEntry>();
      let now = 0;
      for (const one of changes) {
        if (one.kind === 'pass') now += one.ms;
        if (one.kind === 'add') {
          const made = entry(`r${one.run}`, { priority: one.priority, cause: one.cause, sinceAge: now - one.since });
          queue.add(made);
          naive.set(made.run, made);
        }
        if (one.kind === 'remove') {
          queue.remove(runId(`r${one.run}`));
          naive.delete(runId(`r${one.run}`));
        }
        // Not after each change: several of them must work together.
        if (one.kind !== 'ask') continue;
        const expected = naiveOrder([...naive.values()], now);
        expect(order(queue, now)).toEqual(expected);
        for (const [index, id] of expected.entries()) expect(queue.position(id, now)).toBe(index + 1);
        expect(queue.size).toBe(naive.size);
      }
      expect(order(queue, now)).toEqual(naiveOrder([...naive.values()], now));
    });
    fc.assert(property, propertyRuns());
  });
});
