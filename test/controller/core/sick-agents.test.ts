/**
 * Agents that do the run no good, each in its own way and for ever: however sick a host is, it is handed a bounded number of attempts,
 * a standby with room gets the run, and a host that is well again gets its run back (semantics 7, I5).
 */
import { describe, expect, it } from 'vitest';
import type { PolicySpec } from '../../../controller/core/records/state.ts';
import { HOST_PROBLEM_KINDS } from '../../../shared/host-problem.ts';
import { policyId } from '../../../shared/ids.ts';
import type { EndCause } from '../../../shared/protocol/attempt.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';
import { specOf } from '../../scenarios/policy-notation.ts';
import type { StartAnswer } from './world/agent-facts.ts';
import type { ModelAgent } from './world/model-agent.ts';
import type { ModelAttempt } from './world/model-attempt.ts';
import { ModelWorld } from './world/model-world.ts';

const STAY_MS = 20 * MINUTE;
/** In any ten minutes, of one run on one server. */
const MOST_IN_10_MIN = 40;

interface Sickness {
  readonly name: string;
  readonly begin: (agent: ModelAgent, world: ModelWorld) => void;
}

const answers = (name: string, answer: StartAnswer): Sickness => ({
  name,
  begin: (agent) => {
    agent.startAnswer = answer;
  },
});

const refuses = (reason: string): Sickness =>
  answers(`refuses each start with ${reason || 'no reason'}`, { kind: 'refused', outcome: 'REFUSED', reason });

/** Does it to each attempt a moment after its start. */
const toEachAttempt = (name: string, act: (agent: ModelAgent, attempt: ModelAttempt) => void): Sickness => ({
  name,
  begin: (agent, world) => {
    agent.onStart = (attempt) => world.time.plan(world.now.mono + 1, () => act(agent, attempt));
  },
});

const ends = (cause: EndCause): Sickness =>
  toEachAttempt(`reports each attempt ${cause} at once`, (agent, attempt) => agent.end(attempt, cause));

const again = (name: string, everyMs: number, act: (agent: ModelAgent, world: ModelWorld) => void): Sickness => ({
  name,
  begin: (agent, world) => {
    const turn = (): void => {
      if (agent.onStart === healthy) return;
      act(agent, world);
      world.time.plan(world.now.mono + everyMs, turn);
    };
    agent.onStart = () => undefined;
    turn();
  },
});

const SICKNESSES: readonly Sickness[] = [
  refuses('RESOURCE_EXHAUSTED'),
  refuses('KEEPER_UNAVAILABLE'),
  refuses('OLDER_ATTEMPT_LIVES'),
  refuses(''),
  ...HOST_PROBLEM_KINDS.map((kind) =>
    answers(`refuses each start for its host: ${kind}`, {
      ...{ kind: 'refused', outcome: 'REFUSED', reason: kind, hostProblem: kind },
    }),
  ),
  {
    name: 'says that its host has a problem and that it has none, by turns, and refuses',
    begin: (agent, world) => {
      agent.startAnswer = { kind: 'refused', outcome: 'REFUSED', reason: 'NO_SPACE', hostProblem: 'NO_SPACE' };
      const turn = (): void => {
        if (agent.onStart === healthy) return;
        const isFull = (agent.facts.hostProblems ?? []).length > 0;
        agent.facts.hostProblems = isFull ? [] : [{ kind: 'NO_SPACE', detail: '' }];
        agent.beat('changes');
        world.time.plan(world.now.mono + 3 * SECOND, turn);
      };
      agent.onStart = () => undefined;
      turn();
    },
  },
  answers('says of each start that it came too late', { kind: 'refused', outcome: 'EXPIRED', reason: 'TOO_LATE' }),
  answers('says of each epoch that it is spent', { kind: 'refused', outcome: 'STALE', reason: 'EPOCH_SPENT' }),
  answers('forgets each start', { kind: 'lost' }),
  answers('answers no start', { kind: 'slow' }),
  ends('LOST'),
  ends('LAPSED'),
  ends('STOPPED'),
  toEachAttempt('forgets each attempt', (agent, attempt) => {
    agent.attempts.delete(`${attempt.run}/${attempt.epoch}`);
    agent.fullState();
  }),
  again('loses its power every 2 s', 2 * SECOND, (agent) => {
    agent.powerOff();
    agent.hello();
  }),
  again('gets no further than its Hello, every 2 s', 2 * SECOND, (agent) => {
    agent.beats = false;
    agent.powerOff();
    agent.hello();
  }),
  again('boots every 10 s', 10 * SECOND, (agent, world) => {
    agent.powerOff();
    agent.facts.bootId = `boot-${world.now.mono}`;
    agent.facts.bootMono = world.now.mono;
    agent.hello();
  }),
  again('hangs up every second', SECOND, (agent) => {
    agent.hangUp();
    agent.hello();
  }),
];

/** Spend the restart budget, and wait in BACKOFF. */
const FAILURES: readonly Sickness[] = [
  refuses('PROGRAM_NOT_FOUND'),
  ends('UNKNOWN'),
  ends('SPAWN_FAILED'),
  toEachAttempt('exits with code 1 at once', (agent, attempt) => agent.exit(attempt, 1)),
];

const healthy = (): void => undefined;

function heal(agent: ModelAgent): void {
  agent.startAnswer = { kind: 'applied' };
  agent.onStart = healthy;
  agent.beats = true;
  if (agent.facts.hostProblems !== undefined) agent.facts.hostProblems = [];
  agent.hello();
}

interface Stay {
  readonly world: ModelWorld;
  readonly sick: ModelAgent;
  /** When each attempt was sent to the sick one. */
  readonly startsMs: readonly number[];
}

/** A while with a policy whose first server is sick. */
function stay(sickness: Sickness, standby: 'standby' | 'alone', more: Partial<PolicySpec> = {}): Stay {
  const startsMs: number[] = [];
  const world: ModelWorld = new ModelWorld({
    latencyMs: () => 1,
    onEffect: (effect) => {
      if (effect.kind !== 'send' || effect.message.kind !== 'start') return;
      if (world.agentOf(effect.conn) === sick) startsMs.push(world.now.mono);
    },
  });
  world.elect();
  const sick = world.agent('web-1');
  sick.hello();
  world.advanceTo(SECOND);
  if (standby === 'standby') world.agent('web-2').hello();
  world.advanceTo(2 * SECOND);
  sickness.begin(sick, world);
  world.call({
    kind: 'create_policy',
    policy: policyId('job'),
    spec: { ...specOf({ plain: [], named: new Map() }), ...more },
  });
  world.advanceTo(STAY_MS);
  return { world, sick, startsMs };
}

function mostIn10Min(startsMs: readonly number[]): number {
  const from = (at: number): number => startsMs.filter((one) => one >= at && one < at + 10 * MINUTE).length;
  return Math.max(0, ...startsMs.map(from));
}

const runOf = ({ world }: Stay) => [...world.state.runs.values()].find(({ state }) => state.kind !== 'STOPPED');

describe.each([...SICKNESSES, ...FAILURES])('an agent that $name', { timeout: 60_000 }, (sickness) => {
  it('gets a bounded number of attempts when it is the only one', () => {
    const { startsMs } = stay(sickness, 'alone');
    expect(mostIn10Min(startsMs)).toBeLessThanOrEqual(MOST_IN_10_MIN);
    expect(startsMs.filter((at) => at < 40 * SECOND).length).toBeLessThanOrEqual(10);
  });

  it('loses the run to a standby with room', () => {
    const there = stay(sickness, 'standby');
    const run = runOf(there);
    const attempt = run?.attempts.at(-1);
    expect([run?.state.kind, attempt?.server]).toEqual(['RUNNING', 'web-2']);
    expect(attempt?.assignWall).toBeLessThan(there.world.now.wall - STAY_MS + 3 * MINUTE);
    expect(there.startsMs.length).toBeLessThanOrEqual(4);
  });
});

describe('an agent that gets no further than its Hello with an OVERLAP run', { timeout: 60_000 }, () => {
  it('loses it to a standby after M', () => {
    const world = new ModelWorld();
    world.elect();
    const sick = world.agent('web-1');
    sick.hello();
    world.advanceTo(SECOND);
    world.agent('web-2').hello();
    const spec = { ...specOf({ plain: [], named: new Map() }), onDisconnect: 'OVERLAP' } as const;
    world.call({ kind: 'create_policy', policy: policyId('job'), spec });
    world.advanceTo(2 * SECOND);
    SICKNESSES.find(({ name }) => name.startsWith('gets no further'))?.begin(sick, world);
    world.advanceTo(MINUTE);
    const [run] = world.state.runs.values();
    expect([run?.state.kind, run?.attempts.at(-1)?.server]).toEqual(['RUNNING', 'web-2']);
    expect(world.state.servers.get(sick.server)?.liveness).toBe('ALIVE');
  });
});

describe.each(SICKNESSES)('an only agent that $name, and is well again', { timeout: 60_000 }, (sickness) => {
  it('gets the run within the bound', () => {
    const there = stay(sickness, 'alone');
    heal(there.sick);
    there.world.advanceTo(there.world.now.mono + 50 * SECOND);
    expect(runOf(there)?.state.kind).toBe('RUNNING');
  });

  it('is tried by a run that keeps its place no more often', () => {
    const { startsMs } = stay(sickness, 'alone', { onRunMissing: 'IN_PLACE' });
    expect(mostIn10Min(startsMs)).toBeLessThanOrEqual(MOST_IN_10_MIN);
  });
});
