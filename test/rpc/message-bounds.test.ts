import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  type AttemptReportSchema,
  CommandResultSchema,
  ConnectRequestSchema,
  HelloSchema,
} from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { CreatePolicyRequestSchema, UpdatePolicyRequestSchema } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { CreatePoolRequestSchema } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { LIMITS } from '../../shared/limits.ts';
import { boundsViolations } from '../../shared/rpc/message-bounds.ts';

function told<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): string[] {
  return boundsViolations(schema, create(schema, init)).map(({ field, description }) => `${field}: ${description}`);
}

const reported = (
  attempt: NonNullable<
    Exclude<MessageInitShape<typeof AttemptReportSchema>, { $typeName: string }>['attempts']
  >[number],
) => told(ConnectRequestSchema, { message: { case: 'attemptReport', value: { attempts: [attempt] } } });

describe('a time', () => {
  it('outside of the years 1970 to 9999 is refused, wherever in a message it is', () => {
    for (const [seconds, nanos] of [
      [2n ** 63n - 1n, 0],
      [-(2n ** 63n), 0],
      [253_402_300_800n, 0],
      [-1n, 0],
      [0n, -1],
      [0n, 1_000_000_000],
    ] as const) {
      expect(reported({ startTime: { seconds, nanos } })).toEqual([
        'attempt_report.attempts[0].start_time: must be a time between the years 1970 and 9999',
      ]);
    }
    expect(reported({ startTime: { seconds: 253_402_300_799n, nanos: 999_999_999 }, endTime: {} })).toEqual([]);
  });

  it('of a field that only the controller writes is looked at all the same: the hash of a request reads it', () => {
    const policy = { createTime: { seconds: 2n ** 62n } };
    expect(told(CreatePolicyRequestSchema, { policy })).toEqual([expect.stringMatching(/^policy\.create_time: /)]);
  });
});

describe('a span', () => {
  it('of more than 10,000 years, or whose parts disagree, is refused', () => {
    for (const [seconds, nanos] of [
      [2n ** 63n - 1n, 0],
      [315_576_000_001n, 0],
      [1n, -1],
      [0n, 1_000_000_000],
    ] as const) {
      expect(told(HelloSchema, { uptime: { seconds, nanos } })).toEqual([
        expect.stringMatching(/^uptime: must be a time span/),
      ]);
    }
    expect(told(CreatePoolRequestSchema, { pool: { timers: { lease: { seconds: -5n, nanos: -1 } } } })).toEqual([]);
  });
});

describe('a number', () => {
  it('that JavaScript can not count to is refused, and so is one that is none', () => {
    expect(told(CommandResultSchema, { commandId: 2n ** 53n })).toEqual(['command_id: must be below 2^53']);
    const capacity = { cpuPercent: Number.NaN, memoryPercent: Number.POSITIVE_INFINITY };
    expect(told(HelloSchema, { capacity })).toHaveLength(2);
  });
});

describe('a text', () => {
  const inPolicy = (policy: MessageInitShape<typeof CreatePolicyRequestSchema>['policy']): string[] =>
    told(CreatePolicyRequestSchema, { policy });

  it('that a terminal shows has no control characters', () => {
    for (const bad of [
      '\u0000',
      '\n',
      '\u001b]52;c;eA==\u0007',
      '\u009b2J',
      '\u007f',
      '\u202eexe',
      '\u2028',
      '\ud800',
    ]) {
      expect(inPolicy({ labels: { a: `x${bad}` } })).toEqual([
        expect.stringMatching(/^policy\.labels\["a"\]: must have no control/),
      ]);
      expect(inPolicy({ requirements: [bad] })).toHaveLength(1);
      expect(told(HelloSchema, { agentVersion: bad })).toHaveLength(1);
    }
    expect(inPolicy({ labels: { a: 'Ünïcödé 日本語 🙂 עברית' } })).toEqual([]);
  });

  it('that a program is given has no NUL, and may have all else', () => {
    const text = 'printf "\u001b[1mbold\u001b[0m\\n"\r\n\t';
    const script = (t: string) => ({
      workload: { kind: { case: 'script' as const, value: { text: t } }, env: { A: t } },
    });
    expect(inPolicy(script(text))).toEqual([]);
    expect(inPolicy(script('a\u0000b'))).toHaveLength(2);
  });

  it('that an agent tells of a process may have anything: the codec escapes it', () => {
    expect(told(CommandResultSchema, { detail: '\u001b[2J\u0000' })).toEqual([]);
  });

  it('far beyond its rule is not walked', () => {
    expect(inPolicy({ name: 'x'.repeat(1_000_000), etag: 'x'.repeat(1_000_000) })).toEqual([
      'policy.name: must be at most 4096 characters',
      'policy.etag: must be at most 4096 characters',
    ]);
  });
});

describe('a list', () => {
  it('with more items than its rule allows is refused by its length alone', () => {
    const servers = Array.from({ length: 100_000 }, () => 'no name');
    expect(told(CreatePolicyRequestSchema, { policy: { servers } })).toEqual([
      'policy.servers: has 100000 items; at most 1000 are allowed',
    ]);
    const paths = Array.from({ length: 20_000 }, (_, i) => `x${i}`);
    expect(told(UpdatePolicyRequestSchema, { updateMask: { paths } })).toEqual([
      `update_mask: has 20000 paths; at most ${LIMITS.maskPaths} are allowed`,
    ]);
  });

  it('without a rule has a bound, too, and so has a map', () => {
    const runs = Array.from({ length: 10_001 }, () => '');
    const env = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`A${i}`, '']));
    expect(told(CreatePolicyRequestSchema, { policy: { runs, workload: { env } } })).toEqual([
      'policy.workload.env: has 257 pairs; at most 256 are allowed',
      'policy.runs: has 10001 items; at most 10000 are allowed',
    ]);
  });

  it('of many bad items is looked at up to the number that is told', () => {
    const servers = Array.from({ length: 1_000 }, () => '\n');
    expect(told(CreatePolicyRequestSchema, { policy: { servers } })).toHaveLength(LIMITS.violations);
  });
});
