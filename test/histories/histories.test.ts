/** Histories of calls, told by an independent checker to be linearizable or not. */
import { beforeEach, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { ReplicatedCluster } from '../replication/replicated-cluster.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { type Call, check, provideChecker } from './checker.ts';
import { History } from './history.ts';

const checker = provideChecker();
const path = 'path' in checker ? checker.path : '';

beforeEach((ctx: TestContext) => {
  if ('missing' in checker) ctx.skip(checker.missing);
});

/** Calls one after the other. */
function inOrder(...calls: readonly (Pick<Call, 'kind'> & Partial<Call>)[]): Call[] {
  const rest = { client: 0, policy: 'p', value: '', result: 'ok', seenValue: '', seenRuns: 0 } as const;
  return calls.map((call, i) => ({ ...rest, sent: 10 * i, done: 10 * i + 5, ...call }));
}

describe('the checker', () => {
  const made = { kind: 'create', value: 'a' } as const;
  const gone = { kind: 'get', result: 'refused' } as const;
  const seen = (seenValue: string, seenRuns = 0) => ({ kind: 'get', seenValue, seenRuns }) as const;

  test.each([
    ['calls that each happened once', inOrder(made, { kind: 'start' }, seen('a', 1), { kind: 'delete' }, gone)],
    ['an unknown call that happened', inOrder(made, { kind: 'start', result: 'unknown' }, seen('a', 1))],
    ['an unknown call that did not', inOrder(made, { kind: 'start', result: 'unknown' }, seen('a', 0))],
    ['one that happens late', inOrder(made, { kind: 'start', result: 'unknown' }, seen('a', 0), seen('a', 1))],
    [
      'two at once, in either order',
      [...inOrder(made), ...inOrder({ kind: 'update', value: 'b' }, seen('a'))].map(atOnce),
    ],
  ])('takes %s', (_, calls) => {
    expect(check(path, calls)).toMatchObject({ linearizable: true });
  });

  test.each([
    ['a write that was acknowledged and is gone', inOrder(made, gone)],
    ['an old value after a new one', inOrder(made, { kind: 'update', value: 'b' }, seen('a'))],
    ['a start that happened twice', inOrder(made, { kind: 'start' }, seen('a', 2))],
    ['half of a stop', inOrder(made, { kind: 'start' }, { kind: 'start' }, { kind: 'stop' }, seen('a', 1))],
    ['a policy that comes back', inOrder(made, { kind: 'delete' }, seen('a'))],
    [
      'an unknown call that happened and did not',
      inOrder(made, { kind: 'start', result: 'unknown' }, seen('a', 1), seen('a')),
    ],
  ])('refuses %s', (_, calls) => {
    expect(check(path, calls)).toEqual({ linearizable: false, words: expect.stringContaining('not linearizable') });
  });
});

/** As if all had been under way together. */
const atOnce = (call: Call, client: number): Call => ({ ...call, client, sent: 0, done: 100 });

test('calls under kill -9 and pauses of leaders and members of etcd are linearizable', {
  timeout: 300_000,
}, async (ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
  const cluster = await ReplicatedCluster.start(['c1', 'c2', 'c3']);
  onTestFinished(() => cluster.stop(), 60_000);
  const given = process.env['LOCUM_SEED'];
  const seed = given === undefined ? Date.now() % 1_000_000 : Number(given);
  const history = new History(cluster, seed);
  await history.run();
  expect(history.faults.length).toBeGreaterThan(0);
  expect(history.calls.filter(({ result }) => result === 'ok').length).toBeGreaterThan(history.calls.length / 4);
  expect({ seed, ...check(path, history.calls) }).toMatchObject({ seed, linearizable: true });
});
