import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ConnectResponseSchema, type Verdict, VerdictAction } from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { AttemptState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { DEFAULT_TIMERS } from '../../../shared/protocol/timers.ts';
import { inWorld } from '../controller-world.ts';
import type { ScriptedAgent } from '../scripted-agent.ts';

const ATTEMPTS = 9_000;

/** An inventory of attempts that this controller does not know, in parts. */
function inventory(state: AttemptState) {
  const all = Array.from({ length: ATTEMPTS }, (_, i) => ({
    run: `${'x'.repeat(60)}-${i + 1}`,
    epoch: BigInt(i + 1),
    state,
  }));
  return Array.from({ length: 9 }, (_, part) => ({
    attempts: all.slice(part * 1_000, (part + 1) * 1_000),
    lastPart: part === 8,
  }));
}

/** The verdicts of all parts, each of which fits a message. */
async function verdictsOf(agent: ScriptedAgent, kind: 'welcome' | 'verdicts'): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (;;) {
    const value = await agent.next(kind);
    const message = kind === 'welcome' ? { case: 'welcome', value } : { case: 'verdicts', value };
    const bytes = toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { message } as never));
    expect(bytes.length).toBeLessThan(LIMITS.agentMessageBytes);
    verdicts.push(...value.verdicts);
    if (!value.moreParts) return verdicts;
  }
}

describe('a server with 9,000 attempts', () => {
  it(
    'gets in, in parts both ways, and so do its full states',
    inWorld(
      async (world) => {
        const agent = world.agent('big');
        for (const part of inventory(AttemptState.RUNNING)) agent.hello(part);
        const verdicts = await verdictsOf(agent, 'welcome');
        expect(verdicts.length).toBe(ATTEMPTS);
        expect(new Set(verdicts.map(({ action }) => action))).toEqual(new Set([VerdictAction.STOP]));
        for (const part of inventory(AttemptState.RUNNING))
          agent.say({ case: 'fullState', value: { generation: 1n, ...part } });
        expect((await verdictsOf(agent, 'verdicts')).length).toBe(ATTEMPTS);
        agent.heartbeat();
        await agent.next('grant');
      },
      { timers: DEFAULT_TIMERS },
    ),
    60_000,
  );

  it(
    'that all have ended is told in parts that the ends are kept',
    inWorld(
      async (world) => {
        const agent = world.agent('big');
        for (const part of inventory(AttemptState.ENDED)) agent.hello(part);
        await agent.next('welcome');
        const acknowledged = new Set<string>();
        while (acknowledged.size < ATTEMPTS) {
          for (const { run } of (await agent.next('attemptAck')).attempts) acknowledged.add(run);
        }
        expect(acknowledged.size).toBe(ATTEMPTS);
      },
      { timers: DEFAULT_TIMERS },
    ),
    60_000,
  );
});
