import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grantBytes, readHeartbeat } from '../../../controller/agents/heartbeat-bytes.ts';
import { ConnectRequestSchema, ConnectResponseSchema } from '../../../shared/gen/locum/v1/agent_service_pb.ts';

const counter = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
/** Below 2^49: what the short form reads. */
const short = fc.integer({ min: 0, max: 2 ** 49 - 1 });

function heartbeat(sequence: number, generation: number, more: object = {}): Uint8Array {
  const value = { sequence: BigInt(sequence), generation: BigInt(generation), ...more };
  return toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { message: { case: 'heartbeat', value } }));
}

describe('heartbeats read by hand', () => {
  it('say the same as read by the general codec', () => {
    fc.assert(
      fc.property(short, short, (sequence, generation) => {
        expect(readHeartbeat(heartbeat(sequence, generation))).toEqual({ sequence, generation });
      }),
    );
  });

  it('are left to the general codec when they say more', () => {
    expect(readHeartbeat(heartbeat(1, 1, { capacity: { saturated: true } }))).toBeUndefined();
    expect(readHeartbeat(heartbeat(1, 1, { capabilities: {} }))).toBeUndefined();
  });

  it('never read anything into bytes that the general codec reads otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), fc.boolean(), (tail, prefixed) => {
        const bytes = prefixed ? Uint8Array.of(0x12, tail.length, ...tail) : tail;
        const read = readHeartbeat(bytes);
        if (read === undefined) return;
        const { message } = fromBinary(ConnectRequestSchema, bytes);
        const expected = { sequence: BigInt(read.sequence), generation: BigInt(read.generation) };
        expect(message.case === 'heartbeat' ? message.value : undefined).toMatchObject(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('grants written by hand', () => {
  it('are the bytes of the general codec', () => {
    fc.assert(
      fc.property(counter, counter, counter, (term, sequence, generation) => {
        const value = { sequence: BigInt(sequence), generation: BigInt(generation) };
        const message = create(ConnectResponseSchema, { term: BigInt(term), message: { case: 'grant', value } });
        expect([...grantBytes(term, sequence, generation)]).toEqual([...toBinary(ConnectResponseSchema, message)]);
      }),
    );
  });
});
