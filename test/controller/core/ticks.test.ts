import { describe, expect, it } from 'vitest';
import { etagOf } from '../../../controller/core/records/etag.ts';
import { present } from '../../../shared/assert.ts';
import { policyId } from '../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';
import { specOf } from '../../scenarios/policy-notation.ts';
import { wordsOf } from '../../scenarios/words.ts';
import { ModelWorld } from './world/model-world.ts';

const JOB = policyId('job');

function scheduled(): ModelWorld {
  const world = new ModelWorld();
  world.elect();
  world.agent('web-1').hello();
  world.advanceTo(SECOND);
  const spec = { ...specOf(wordsOf('policy job')), maxConcurrentRuns: 5 };
  const trigger = { kind: 'schedule', cron: '*/5 * * * *', timeZone: 'UTC', missed: 'SKIP', overlap: 'SKIP' } as const;
  world.call({ kind: 'create_policy', policy: JOB, spec: { ...spec, trigger } });
  world.advanceTo(2 * SECOND);
  return world;
}

const policyOf = (world: ModelWorld) => present(world.state.policies.get(JOB), 'the policy is there');

describe('a tick of a schedule', () => {
  it('is the first thing that “last at” tells of: neither a creation nor an edit is one', () => {
    const world = scheduled();
    expect(policyOf(world).lastTickWall).toBeUndefined();
    const trigger = {
      kind: 'schedule',
      cron: '*/10 * * * *',
      timeZone: 'UTC',
      missed: 'SKIP',
      overlap: 'SKIP',
    } as const;
    world.call({ kind: 'update_policy', policy: JOB, etag: '', patch: { trigger }, createAs: undefined });
    world.advanceTo(3 * SECOND);
    expect(policyOf(world).lastTickWall).toBeUndefined();
    world.advanceTo(11 * MINUTE);
    expect((policyOf(world).lastTickWall ?? 0) % (10 * MINUTE)).toBe(0);
    expect(world.state.runs.size).toBe(1);
  });

  it('changes no etag: an edit that was begun before it is taken', () => {
    const world = scheduled();
    const etag = etagOf(policyOf(world));
    world.advanceTo(11 * MINUTE);
    expect(world.state.runs.size).toBeGreaterThanOrEqual(2);
    expect(etagOf(policyOf(world))).toBe(etag);
    world.call({ kind: 'update_policy', policy: JOB, etag, patch: { priority: 7 }, createAs: undefined });
    world.advanceTo(world.now.mono + SECOND);
    expect(policyOf(world).spec.priority).toBe(7);
  });

  it('is durable: the next leader fires no time twice', () => {
    const world = scheduled();
    world.advanceTo(11 * MINUTE);
    const { lastTickWall } = policyOf(world);
    const runs = world.state.runs.size;
    world.elect();
    world.advanceTo(world.now.mono + SECOND);
    expect(policyOf(world).lastTickWall).toBe(lastTickWall);
    expect(world.state.runs.size).toBe(runs);
  });
});

describe('an attempt', () => {
  it('never ends before it started, by whatever clocks both are told', () => {
    const world = new ModelWorld();
    world.elect();
    const agent = world.agent('web-1');
    agent.hello();
    world.advanceTo(SECOND);
    // The agent's clock is behind ours, and its process ends at once.
    agent.onStart = (attempt) => {
      world.time.plan(world.now.mono, () => {
        agent.exit(attempt, 0);
        agent.attempts.set(`${attempt.run}/${attempt.epoch}`, {
          ...attempt,
          ...{ startWall: attempt.startWall - 50, endWall: (attempt.endWall ?? 0) - 40 },
        });
        agent.fullState();
      });
    };
    world.call({ kind: 'create_policy', policy: JOB, spec: specOf(wordsOf('policy job')) });
    world.advanceTo(10 * SECOND);
    const ended = [...world.state.runs.values()]
      .flatMap(({ attempts }) => attempts)
      .flatMap(({ state }) => (state.kind === 'ENDED' ? [state] : []));
    expect(ended.length).toBeGreaterThan(3);
    expect(ended.filter(({ startWall = 0, endWall }) => endWall < startWall)).toEqual([]);
  });

  it('that the agent told of started when the agent says, and not when its answer arrived', () => {
    const world = new ModelWorld({ latencyMs: () => 20 });
    world.elect();
    const agent = world.agent('web-1');
    agent.hello();
    world.advanceTo(SECOND);
    world.call({ kind: 'create_policy', policy: JOB, spec: specOf(wordsOf('policy job')) });
    world.advanceTo(2 * SECOND);
    const [running] = agent.attempts.values();
    const attempt = present(running, 'it runs');
    agent.exit(attempt, 1);
    world.advanceTo(2 * SECOND + 100);
    const [first] = [...world.state.runs.values()].flatMap(({ attempts }) => attempts);
    expect(first?.state).toMatchObject({ startWall: attempt.startWall, endWall: attempt.endWall });
  });
});
