import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { FieldViolation } from '../../shared/errors.ts';
import { LocumError } from '../../shared/errors.ts';
import { CheckAccessRequestSchema } from '../../shared/gen/locum/v1/access_service_pb.ts';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { UpdatePolicyRequestSchema } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { SetServerOrderRequestSchema } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { PATTERNS_IN_WORDS, validate, warmValidation } from '../../shared/rpc/validation.ts';

function violations(check: () => void): readonly FieldViolation[] {
  try {
    check();
  } catch (error) {
    if (error instanceof LocumError && error.reason === 'INVALID_FIELD') return error.fieldViolations;
    throw error;
  }
  return [];
}

const ofPolicy = (policy: MessageInitShape<typeof PolicySchema>): readonly FieldViolation[] =>
  violations(() => validate(PolicySchema, create(PolicySchema, policy)));

const PROTOS = join(import.meta.dirname, '../../proto/locum/v1');
const command = { kind: { case: 'command' as const, value: { argv: ['a'] } } };

describe('a message', () => {
  it('that keeps the rules passes', () => {
    expect(ofPolicy({ name: 'policies/a', workload: command })).toEqual([]);
  });

  it('that breaks some is told all of them, each with its path', () => {
    const workload = { ...command, env: { LOCUM_X: '1', '1': '2' } };
    const found = ofPolicy({ name: 'A', workload, priority: 101, servers: ['servers/a', 'b'] });
    expect(found.map(({ field }) => field).toSorted()).toEqual([
      'name',
      'priority',
      'servers[1]',
      'workload.env',
      'workload.env["1"]',
    ]);
  });

  it('is told about names in words, not in a regular expression', () => {
    const [name] = ofPolicy({ name: 'A', workload: command });
    expect(name?.description).toMatch(/^must be "policies\/" and an id: lower case letters/);
    const [pool] = ofPolicy({ name: 'policies/a', pool: 'x', workload: command });
    expect(pool?.description).toMatch(/^must be "pools\/" and an id/);
  });

  it('is told about other patterns that people break in words, too', () => {
    const found = ofPolicy({ name: 'policies/a', workload: { ...command, user: 'Ann B', env: { '1': '2' } } });
    expect(found.map(({ description }) => description).join('\n')).not.toContain('regex');
    const [asked] = violations(() =>
      validate(CheckAccessRequestSchema, create(CheckAccessRequestSchema, { permission: 'x' })),
    );
    expect(asked?.description).toBe('must be a permission, such as policies.read; docs/access.md has them all');
  });

  it('has its patterns as the protos have them', () => {
    const protos = readdirSync(PROTOS).map((name) => readFileSync(join(PROTOS, name), 'utf8'));
    const patterns = protos.flatMap((text) => text.match(/(?<=pattern(?: =|:) )"[^"]*"/g) ?? []);
    expect(patterns.map((pattern) => JSON.parse(pattern) as string)).toEqual(
      expect.arrayContaining(Object.keys(PATTERNS_IN_WORDS)),
    );
  });

  it('with thousands of mistakes is told the first twenty', () => {
    const servers = Array.from({ length: 5_000 }, (_, i) => `no name ${i}`);
    const order = create(SetServerOrderRequestSchema, { pool: 'pools/default', servers });
    const found = violations(() => validate(SetServerOrderRequestSchema, order));
    expect(found.length).toBeLessThanOrEqual(20);
    expect(found.at(-1)).toEqual({ field: '', description: `and ${5_000 - found.length + 1} more` });
  });

  it('can be warmed up although it is empty', () => {
    expect(() => warmValidation([PolicySchema, SetServerOrderRequestSchema])).not.toThrow();
  });
});

describe('an update with a mask', () => {
  const update = (policy: MessageInitShape<typeof PolicySchema>, ...paths: string[]): string[] => {
    const request = create(UpdatePolicyRequestSchema, { policy, updateMask: { paths } });
    return violations(() => validate(UpdatePolicyRequestSchema, request)).map(
      ({ field, description }) => `${field}: ${description}`,
    );
  };

  it('is held only to the rules of what it changes, and of the name', () => {
    expect(update({ name: 'policies/a', priority: 7, slots: 0 }, 'priority')).toEqual([]);
    expect(update({ name: 'A', priority: 101, slots: 0 }, 'priority')).toEqual([
      expect.stringMatching(/^policy\.name: /),
      expect.stringMatching(/^policy\.priority: /),
    ]);
  });

  it('looks inside what it changes, and not around it', () => {
    const workload = { env: { LOCUM_X: '1' } };
    expect(update({ name: 'policies/a', workload }, 'workload')).toHaveLength(2);
    expect(update({ name: 'policies/a', workload }, 'workload.env')).toEqual([
      expect.stringMatching(/^policy\.workload\.env: /),
    ]);
    expect(update({ name: 'policies/a' }, 'workload')).toEqual([expect.stringMatching(/^policy\.workload: /)]);
  });

  it('without paths, or with *, is held to all rules', () => {
    expect(update({ name: 'policies/a' })).toHaveLength(1);
    expect(update({ name: 'policies/a' }, '*')).toHaveLength(1);
  });

  it('must name fields that exist', () => {
    expect(update({ name: 'policies/a' }, 'prioritty', 'restart.window', 'name.x', 'x')).toEqual([
      'update_mask: "prioritty": Policy has no field "prioritty"; did you mean "priority"?',
      'update_mask: "name.x" goes on behind a field that has no fields of its own',
      'update_mask: "x": Policy has no field "x"',
    ]);
  });

  it('needs its resource', () => {
    const request = create(UpdatePolicyRequestSchema, { updateMask: { paths: ['slots'] } });
    expect(violations(() => validate(UpdatePolicyRequestSchema, request))).toMatchObject([{ field: 'policy' }]);
  });
});
