import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerParts } from '../../../agent/answer-parts.ts';
import { grantBytes, readHeartbeat } from '../../../controller/agents/heartbeat-bytes.ts';
import { agentMessageFromProto, agentMessageToProto } from '../../../shared/codec/agent-message.ts';
import { encodeLeaderMessage, leaderMessageFromProto } from '../../../shared/codec/leader-message.ts';
import {
  CommandOutcome,
  CommandResultSchema,
  ConnectRequestSchema,
  ConnectResponseSchema,
} from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { EndCause } from '../../../shared/gen/locum/v1/run_pb.ts';
import type { LeaderMessage } from '../../../shared/protocol/leader-message.ts';
import { agentMessages, leaderMessages } from './arbitrary-messages.ts';

/** As an agent reads it: the bytes one after the other, until a whole answer is there. */
function readAll(sent: readonly Buffer[]): readonly (LeaderMessage | undefined)[] {
  const parts = new AnswerParts();
  return sent.flatMap((bytes) => {
    const whole = parts.add(fromBinary(ConnectResponseSchema, bytes));
    return whole === undefined ? [] : [leaderMessageFromProto(whole)];
  });
}

describe('what one side of the agent stream says, the other side hears', () => {
  it.each(Object.entries(agentMessages))('from an agent: %s', (_, arbitrary) => {
    fc.assert(
      fc.property<[Parameters<typeof agentMessageToProto>[0]]>(arbitrary, (message) => {
        const bytes = toBinary(ConnectRequestSchema, agentMessageToProto(message));
        expect(agentMessageFromProto(fromBinary(ConnectRequestSchema, bytes))).toEqual(message);
      }),
    );
  });

  it.each(Object.entries(leaderMessages))('from a leader: %s', (kind, arbitrary) => {
    fc.assert(
      fc.property<[LeaderMessage, number]>(arbitrary, fc.maxSafeInteger().map(Math.abs), (message, term) => {
        const sent = encodeLeaderMessage(message, term);
        expect(readAll(sent)).toEqual([message]);
        for (const bytes of sent) expect(fromBinary(ConnectResponseSchema, bytes).term).toBe(BigInt(term));
      }),
      { numRuns: kind === 'welcome' || kind === 'verdicts' ? 30 : 100 },
    );
  });

  it('where the controller reads and writes by hand, it does as the codec', () => {
    const counter = fc.integer({ min: 0, max: 2 ** 49 - 1 });
    fc.assert(
      fc.property(counter, counter, counter, (sequence, generation, term) => {
        const beat = { kind: 'heartbeat', sequence, generation, capacity: undefined, capabilities: undefined } as const;
        const heard = readHeartbeat(toBinary(ConnectRequestSchema, agentMessageToProto(beat)));
        expect(heard).toEqual({ sequence, generation });
        const grant = { kind: 'grant', sequence, generation } as const;
        expect([grantBytes(term, sequence, generation)]).toEqual(encodeLeaderMessage(grant, term));
      }),
    );
  });
});

type Heard = Exclude<MessageInitShape<typeof ConnectResponseSchema>, { readonly $typeName: string }>['message'];
const TOO_LARGE = 2n ** 53n;

describe('a refused start', () => {
  it.each([
    [EndCause.SPAWN_FAILED, 'SPAWN_FAILED'],
    [EndCause.EXPIRED, 'EXPIRED'],
    [EndCause.UNSPECIFIED, undefined],
    [EndCause.EXITED, undefined],
    [99 as EndCause, undefined],
  ])('ends as it says (%i: %s), and by its outcome where that is no such end', (endCause, word) => {
    const outcome = CommandOutcome.REFUSED;
    const value = create(CommandResultSchema, { commandId: 1n, outcome, reason: 'X', endCause });
    const request = create(ConnectRequestSchema, { message: { case: 'commandResult', value } });
    expect(agentMessageFromProto(request)).toMatchObject({ outcome: 'REFUSED', endCause: word });
  });
});

describe('an agent refuses what no leader of ours can mean', () => {
  it.each<[string, Heard & object, string]>([
    ['a sequence', { case: 'grant', value: { sequence: TOO_LARGE } }, 'sequence'],
    ['a generation', { case: 'verdicts', value: { generation: TOO_LARGE } }, 'generation'],
    ['an epoch', { case: 'stopAttempt', value: { run: 'a-1', epoch: TOO_LARGE } }, 'epoch'],
    ['the id of a command', { case: 'startAttempt', value: { commandId: TOO_LARGE } }, 'command_id'],
    ['an offset', { case: 'readOutput', value: { offset: -TOO_LARGE } }, 'offset'],
    ['a lease', { case: 'startAttempt', value: { lease: { seconds: -1n } } }, 'lease'],
    ['a timer', { case: 'timersChanged', value: { timers: { lease: { seconds: -1n } } } }, 'timers.leaseMs'],
    ['a wait', { case: 'reconnect', value: { after: { seconds: -1n } } }, 'after'],
  ])('%s out of its range', (_, message, field) => {
    expect(() => leaderMessageFromProto(create(ConnectResponseSchema, { message }))).toThrow(field);
  });
});
