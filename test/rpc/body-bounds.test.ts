import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { LocumError } from '../../shared/errors.ts';
import { ListPoliciesRequestSchema, UpdatePolicyRequestSchema } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { SetServerOrderRequestSchema } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { ConfirmServerDeadRequestSchema } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { LIMITS } from '../../shared/limits.ts';
import { checkBinary, checkJson } from '../../shared/rpc/body-bounds.ts';

function problem(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof LocumError && error.reason === 'INVALID_FIELD') return error.message;
    throw error;
  }
}

const many = LIMITS.requestValues + 1;
const text = (json: string): Uint8Array => new TextEncoder().encode(json);

describe('bytes', () => {
  it('with as many values as a message may have pass', () => {
    const servers = Array.from({ length: LIMITS.poolServers }, (_, i) => `servers/s${i}`);
    const order = create(SetServerOrderRequestSchema, { pool: 'pools/default', servers });
    const bytes = toBinary(SetServerOrderRequestSchema, order);
    expect(problem(() => checkBinary(SetServerOrderRequestSchema, bytes))).toBeUndefined();
  });

  it('with more are refused: paths of a mask, packed numbers, a field that comes again, fields that nobody knows', () => {
    const mask = create(UpdatePolicyRequestSchema, { updateMask: { paths: Array.from({ length: many }, () => '') } });
    const dead = create(ConfirmServerDeadRequestSchema, { epochs: Array.from({ length: many }, () => 300n) });
    const again = new Uint8Array(2 * many).map((_, i) => (i % 2 === 0 ? 0x0a : 0));
    const unknown = new Uint8Array(3 * many).map((_, i) => [0xf8, 0x7f, 1][i % 3] ?? 0);
    for (const bytes of [toBinary(UpdatePolicyRequestSchema, mask), again, unknown])
      expect(problem(() => checkBinary(UpdatePolicyRequestSchema, bytes))).toMatch(/more than 25000 values/);
    const packed = toBinary(ConfirmServerDeadRequestSchema, dead);
    expect(problem(() => checkBinary(ConfirmServerDeadRequestSchema, packed))).toMatch(/more than 25000 values/);
  });

  it('with groups, which decoders walk by recursion, are refused', () => {
    const nested = new Uint8Array(1_000_000).fill(0x0b);
    expect(problem(() => checkBinary(UpdatePolicyRequestSchema, nested))).toMatch(/group/);
  });

  it('whose numbers come as texts are refused: a decoder would read the text as a million fields', () => {
    const pageSize = Uint8Array.from([0x0a, 0xe8, 0x07, ...new Uint8Array(1_000).fill(0x78)]);
    expect(problem(() => checkBinary(ListPoliciesRequestSchema, pageSize))).toMatch(/wire type/);
    const name = Uint8Array.from([0x10, 0x01]);
    expect(problem(() => checkBinary(ListPoliciesRequestSchema, name))).toMatch(/wire type/);
  });

  it('that are no message pass: their decoder says what is wrong', () => {
    for (const bytes of [[], [0x0a], [0x0a, 0xff], [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x0f], [0x80]])
      expect(problem(() => checkBinary(UpdatePolicyRequestSchema, Uint8Array.from(bytes)))).toBeUndefined();
  });
});

describe('JSON', () => {
  it('with as many values as a message may have passes, whatever stands in its texts', () => {
    const servers = Array.from({ length: LIMITS.poolServers }, () => ',[{"\\');
    const json = toJsonString(SetServerOrderRequestSchema, create(SetServerOrderRequestSchema, { servers }));
    expect(problem(() => checkJson(text(json)))).toBeUndefined();
  });

  it('with more is refused', () => {
    expect(problem(() => checkJson(text(`[${'1,'.repeat(many)}1]`)))).toMatch(/more than 25000 values/);
  });

  it('nested deeper than any message is refused', () => {
    expect(problem(() => checkJson(text('['.repeat(LIMITS.requestLevels + 1))))).toMatch(/more than 32 levels/);
    expect(problem(() => checkJson(text('{"a":'.repeat(LIMITS.requestLevels + 1))))).toMatch(/more than 32 levels/);
    expect(problem(() => checkJson(text('[1],'.repeat(100))))).toBeUndefined();
  });
});
