/** A few histories for every change, and that the checker sees what it is there for. `npm run histories` plays many. */
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { Prng } from '../../shared/prng.ts';
import { testSeed } from '../seed.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { provideChecker, verdictOf } from './checker.ts';
import type { Kind, Operation, Status } from './history.ts';
import { HistoryStage } from './play.ts';

const seed = testSeed();
const HISTORIES = 3;

const stages: HistoryStage[] = [];
afterAll(async () => {
  for (const stage of stages) await stage.close();
}, 60_000);

/** The checker; skips with the reason where it can't be had. */
function checkerOr(ctx: TestContext): string {
  const checker = provideChecker();
  if ('missing' in checker) return ctx.skip(checker.missing);
  return checker.path;
}

describe('a replicated cluster and a single controller', () => {
  it.for(['etcd', 'sqlite'] as const)(
    `answers as one machine without faults would, whatever is killed or paused: %s, seed ${seed}`,
    { timeout: 180_000 },
    async (store, ctx) => {
      const missing = etcdMissing();
      if (missing !== undefined) ctx.skip(missing);
      const checker = checkerOr(ctx);
      const stage = await HistoryStage.open(store);
      stages.push(stage);
      const prng = new Prng(seed);
      for (let i = 0; i < HISTORIES; i += 1) {
        const { fault, operations, oddities } = await stage.play(prng.fork());
        expect({ fault, oddities, verdict: verdictOf(checker, operations) }).toEqual({
          fault,
          oddities: [],
          verdict: 'ok',
        });
        expect(operations.some(({ status }) => status === 'OK')).toBe(true);
      }
    },
  );
});

/** Operations one after the other: kind, status, value or runs. */
function inTurn(...steps: readonly (readonly [Kind, Status, string?])[]): Operation[] {
  return steps.map(([kind, status, text = ''], i) => {
    const isRuns = kind === 'start' || kind === 'runs';
    const runs = isRuns ? text.split(' ').filter((run) => run !== '') : [];
    return {
      client: 0,
      kind,
      policy: 'p',
      value: isRuns ? '' : text,
      status,
      runs,
      callNs: 10 * i,
      returnNs: 10 * i + 5,
    };
  });
}

describe('the checker of histories', () => {
  it.for([
    [
      'a start whose answer was lost and that happened once',
      'ok',
      inTurn(['create', 'OK', 'a'], ['start', 'UNKNOWN'], ['runs', 'OK', 'r1']),
    ],
    [
      'a start whose answer was lost and that never happened',
      'ok',
      inTurn(['create', 'OK', 'a'], ['start', 'UNKNOWN'], ['runs', 'OK']),
    ],
    [
      'a repeated start that started twice',
      'illegal',
      inTurn(['create', 'OK', 'a'], ['start', 'OK', 'r1'], ['runs', 'OK', 'r1 r2']),
    ],
    [
      'a lost answer that started twice',
      'illegal',
      inTurn(['create', 'OK', 'a'], ['start', 'UNKNOWN'], ['runs', 'OK', 'r1 r2']),
    ],
    [
      'a stop that stopped one of two',
      'illegal',
      inTurn(['create', 'OK', 'a'], ['start', 'OK', 'r1'], ['start', 'OK', 'r2'], ['stop', 'OK'], ['runs', 'OK', 'r2']),
    ],
    [
      'an acknowledged update that is gone',
      'illegal',
      inTurn(['create', 'OK', 'a'], ['update', 'OK', 'b'], ['get', 'OK', 'a']),
    ],
    [
      'an acknowledged delete that is undone',
      'illegal',
      inTurn(['create', 'OK', 'a'], ['delete', 'OK'], ['get', 'NOT_FOUND'], ['get', 'OK', 'a']),
    ],
    [
      'a second delete while the first waits for runs to end',
      'ok',
      inTurn(['create', 'OK', 'a'], ['delete', 'OK'], ['get', 'OK', 'a'], ['delete', 'OK'], ['get', 'NOT_FOUND']),
    ],
    [
      'a policy that is back after it was gone',
      'illegal',
      inTurn(['create', 'OK', 'a'], ['delete', 'OK'], ['get', 'NOT_FOUND'], ['delete', 'OK']),
    ],
    [
      'a policy that is deleted and lets itself be changed',
      'illegal',
      inTurn(['create', 'OK', 'a'], ['delete', 'OK'], ['update', 'OK', 'b']),
    ],
    [
      'a name that is given anew as soon as it is free',
      'ok',
      inTurn(
        ['create', 'OK', 'a'],
        ['delete', 'OK'],
        ['create', 'POLICY_DELETING', 'b'],
        ['create', 'OK', 'c'],
        ['get', 'OK', 'c'],
      ),
    ],
    ['a create that is refused by its own first try', 'illegal', inTurn(['create', 'ALREADY_EXISTS', 'a'])],
  ] as const)('finds %s %s', ([, verdict, operations], ctx) => {
    expect(verdictOf(checkerOr(ctx), operations)).toBe(verdict);
  });
});
