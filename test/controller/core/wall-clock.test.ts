/** Waits are measured in monotonic time, by one leader after the other: what a wall clock shows changes no wait, and no tick but its own. */
import { describe, expect, it } from 'vitest';
import type { PolicySpec } from '../../../controller/core/records/state.ts';
import { present } from '../../../shared/assert.ts';
import type { PolicyId } from '../../../shared/ids.ts';
import { policyId } from '../../../shared/ids.ts';
import { HOUR, MINUTE, SECOND } from '../../../shared/time.ts';
import { specOf } from '../../scenarios/policy-notation.ts';
import { wordsOf } from '../../scenarios/words.ts';
import { ModelWorld } from './world/model-world.ts';

const work = policyId('work');

function worldWith(words: string, more: Partial<PolicySpec> = {}): ModelWorld {
  const world = new ModelWorld();
  world.elect();
  world.agent('web-1').hello();
  world.advanceTo(SECOND);
  world.call({ kind: 'create_policy', policy: work, spec: { ...specOf(wordsOf(words)), ...more } });
  pass(world, SECOND);
  return world;
}

const pass = (world: ModelWorld, ms: number): void => world.advanceTo(world.now.mono + ms);

/** Another controller leads, whose clock is wrong. */
function nextLeader(world: ModelWorld, wallErrorMs: number): void {
  world.crash();
  world.time.wallErrorMs = wallErrorMs;
  world.elect();
  world.agent('web-1').hello();
  pass(world, SECOND);
}

const runsOf = (world: ModelWorld, policy: PolicyId = work) =>
  [...world.state.runs.values()].filter((run) => run.policy === policy);
const typesOf = (world: ModelWorld): readonly string[] => [...world.state.events].map(({ type }) => type);
const created = (world: ModelWorld): number => typesOf(world).filter((type) => type === 'RUN_CREATED').length;

/** Its only run ends with this code. */
function exit(world: ModelWorld, exitCode: number): void {
  const agent = world.agent('web-1');
  const running = [...agent.attempts.values()].find(({ state }) => state === 'RUNNING');
  agent.exit(present(running, 'something runs'), exitCode);
}

const runningNow = (world: ModelWorld): boolean => runsOf(world).some(({ state }) => state.kind === 'RUNNING');

describe.each([
  ['61 min ahead', 61 * MINUTE],
  ['48 h back', -48 * HOUR],
])('a wall clock that is %s', (_, errorMs) => {
  it('repeats no request, whether it steps or the next leader has it', () => {
    for (const step of ['steps', 'next leader'] as const) {
      const world = worldWith('on_demand');
      const start = { kind: 'start_policy', policy: work, arguments: [] } as const;
      world.call(start, { requestId: 'once' });
      pass(world, SECOND);
      if (step === 'steps') world.time.wallErrorMs = errorMs;
      else nextLeader(world, errorMs);
      // The safety net, which forgets what is old, comes by meanwhile.
      pass(world, MINUTE);
      world.call(start, { requestId: 'once' });
      pass(world, SECOND);
      expect([step, created(world)]).toEqual([step, 1]);
    }
  });

  it('makes no run wait longer or shorter than its delay', () => {
    const world = worldWith('continuous');
    exit(world, 0);
    pass(world, 100);
    world.time.wallErrorMs = errorMs;
    pass(world, 700);
    expect(runningNow(world)).toBe(false);
    pass(world, 400);
    expect(runningNow(world)).toBe(true);
  });

  it('leaves to the next leader what is left of a back-off, and not more than the whole', () => {
    const world = worldWith('continuous', {
      restart: { attempts: 1, windowMs: 10 * MINUTE, delayMs: SECOND, maxFailures: undefined },
    });
    exit(world, 1);
    pass(world, 100);
    expect(runsOf(world).map(({ state }) => state.kind)).toEqual(['BACKOFF']);
    nextLeader(world, errorMs);
    pass(world, 8 * SECOND);
    expect(runningNow(world)).toBe(false);
    pass(world, 2 * SECOND);
    expect(runningNow(world)).toBe(true);
  });
});

describe('an age of the cluster', () => {
  it('is written down while something waits, so that no leader begins a long wait anew', () => {
    const world = worldWith('continuous slots=60');
    const [waiting] = runsOf(world);
    expect(waiting?.state.kind).toBe('QUEUED');
    const { commits } = world.store;
    pass(world, 5 * MINUTE);
    expect(world.store.commits - commits).toBeGreaterThanOrEqual(9);
    const before = world.core.state.meta.age;
    nextLeader(world, 0);
    expect(world.state.electedAge).toBeGreaterThanOrEqual(before);
    expect(world.state.electedAge - (waiting?.queueSinceAge ?? 0)).toBeGreaterThan(4 * MINUTE);
  });

  it('only grows, and by no more than the leaders counted', () => {
    const world = worldWith('on_demand');
    const ages: number[] = [];
    for (const errorMs of [0, 61 * MINUTE, -48 * HOUR, 0]) {
      nextLeader(world, errorMs);
      ages.push(world.state.electedAge);
      pass(world, MINUTE);
      world.call({ kind: ages.length % 2 === 0 ? 'resume_policy' : 'pause_policy', policy: work });
      pass(world, SECOND);
    }
    const steps = ages.slice(1).map((age, index) => age - (ages[index] ?? 0));
    for (const step of steps) expect(step).toBeGreaterThanOrEqual(MINUTE);
    for (const step of steps) expect(step).toBeLessThanOrEqual(MINUTE + 3 * SECOND);
  });
});

describe('a schedule', () => {
  const ticks = (world: ModelWorld): number => typesOf(world).filter((type) => type === 'RUN_CREATED').length;
  const schedule = (cron: string, missed: 'SKIP' | 'ONCE' = 'SKIP'): PolicySpec => ({
    ...specOf(wordsOf('on_demand')),
    maxConcurrentRuns: 100,
    trigger: { kind: 'schedule', cron, timeZone: '', missed, overlap: 'SKIP' },
  });

  function scheduled(cron: string, missed?: 'ONCE'): ModelWorld {
    const world = worldWith('on_demand');
    world.call({ kind: 'create_policy', policy: policyId('tick'), spec: schedule(cron, missed) });
    pass(world, SECOND);
    return world;
  }

  it('whose last tick is hours ahead says so, forgets it, and goes on', () => {
    const world = scheduled('0 * * * *');
    world.time.wallErrorMs = 48 * HOUR;
    pass(world, 5 * MINUTE);
    expect(world.state.policies.get(policyId('tick'))?.lastTickWall).toBeGreaterThan(world.now.wall - HOUR);
    world.time.wallErrorMs = 0;
    pass(world, MINUTE);
    expect(typesOf(world)).toContain('SCHEDULE_RESET');
    const before = ticks(world);
    pass(world, 3 * HOUR);
    expect(ticks(world) - before).toBe(3);
  });

  it('with missed: ONCE fires each time once when the clocks of two leaders differ by minutes', () => {
    const world = scheduled('*/10 * * * *', 'ONCE');
    world.advanceTo(2 * HOUR - 5 * MINUTE);
    const before = ticks(world);
    for (const errorMs of [-4 * MINUTE, 4 * MINUTE, -4 * MINUTE, 0]) {
      nextLeader(world, errorMs);
      pass(world, 15 * MINUTE);
    }
    expect(typesOf(world)).not.toContain('SCHEDULE_RESET');
    expect(ticks(world) - before).toBe(6);
  });

  it('that was made by a clock that was ahead fires all the same', () => {
    const world = worldWith('on_demand');
    world.time.wallErrorMs = 48 * HOUR;
    world.call({ kind: 'create_policy', policy: policyId('tick'), spec: schedule('0 * * * *') });
    pass(world, SECOND);
    world.time.wallErrorMs = 0;
    pass(world, 3 * HOUR);
    expect(ticks(world)).toBe(3);
  });
});
