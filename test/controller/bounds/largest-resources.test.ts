import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policySpecFromProto } from '../../../controller/codec/policy.ts';
import { encodeRecord } from '../../../controller/codec/record.ts';
import { checkArgumentsSize, checkWorkloadSize } from '../../../controller/codec/workload-check.ts';
import { encodeLeaderMessage } from '../../../shared/codec/leader-message.ts';
import { LocumError } from '../../../shared/errors.ts';
import { PolicySchema } from '../../../shared/gen/locum/v1/policy_pb.ts';
import { CreatePolicyRequestSchema, StartPolicyRequestSchema } from '../../../shared/gen/locum/v1/policy_service_pb.ts';
import { epoch, policyId, runId, serverId } from '../../../shared/ids.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { checkBinary, checkJson } from '../../../shared/rpc/body-bounds.ts';
import { validate } from '../../../shared/rpc/validation.ts';
import { policies, pools, servers } from '../codec/arbitrary-records.ts';

const LONG = 'x'.repeat(62);
/** Characters of one to four bytes, and those that JSON writes as six. */
const character = fc.constantFrom('x', 'ü', '日', '🙂', '"', '\\');
const inScripts = fc.constantFrom('x', 'ü', '日', '🙂', '"', '\n', '\u0001', '\u001b');

/** A text that is as long as a limit of bytes allows, or somewhat longer. */
const text = (one: fc.Arbitrary<string>, bytes: number) =>
  fc
    .tuple(one, fc.double({ min: 0.9, max: 1, noNaN: true }))
    .map(([letter, share]) => letter.repeat(Math.floor((bytes * share) / Buffer.byteLength(letter))));

const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Policies with every list at its bound, and a workload about as large as it may be. */
const largest = fc
  .record({
    label: text(character, 256).filter((value) => Array.from(value).length <= 256),
    script: text(inScripts, LIMITS.scriptBytes),
    value: text(inScripts, LIMITS.argumentBytes),
    variables: fc.integer({ min: 0, max: 3 }),
    argv: fc.option(text(inScripts, LIMITS.argumentBytes), { nil: undefined }),
  })
  .map(({ label, script, value, variables, argv }) =>
    create(PolicySchema, {
      name: `policies/${LONG}`,
      pool: `pools/${LONG}`,
      workload: {
        kind:
          argv === undefined
            ? { case: 'script', value: { text: script } }
            : { case: 'command', value: { argv: many(5, () => argv) } },
        env: Object.fromEntries(many(variables, (i) => [`V${i}`, value])),
      },
      requirements: many(LIMITS.requirements, (i) => `${'a'.repeat(50)} = ${'v'.repeat(190)}${i}`),
      servers: many(LIMITS.policyServers, (i) => `servers/${'s'.repeat(55)}${i}`),
      labels: Object.fromEntries(many(LIMITS.labels, (i) => [`${'k'.repeat(58)}${i}`, label])),
    }),
  );

const accepted = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof LocumError && error.reason === 'INVALID_FIELD') return false;
    throw error;
  }
};

describe('a policy that is accepted', () => {
  it('fits a request in bytes and in JSON, a record, a page, and with any arguments a message to an agent', () => {
    let starts = 0;
    fc.assert(
      fc.property(largest, fc.integer({ min: 1, max: LIMITS.arguments }), policies, (policy, words, record) => {
        const request = create(CreatePolicyRequestSchema, { policy });
        fc.pre(accepted(() => validate(CreatePolicyRequestSchema, request)));
        fc.pre(accepted(() => checkWorkloadSize(present(policy), 'policy.workload')));
        const bytes = toBinary(CreatePolicyRequestSchema, request);
        const json = Buffer.from(toJsonString(CreatePolicyRequestSchema, request));
        expect(Math.max(bytes.length, json.length)).toBeLessThan(LIMITS.requestBytes);
        checkBinary(CreatePolicyRequestSchema, bytes);
        checkJson(json);

        const spec = policySpecFromProto(policy);
        const id = policyId(LONG);
        expect(encodeRecord({ ...record, id, spec }).length).toBeLessThan(LIMITS.recordBytes);

        const args = many(words, () =>
          'a'.repeat(Math.min(LIMITS.argumentBytes, Math.floor(LIMITS.argumentsBytes / words))),
        );
        validate(StartPolicyRequestSchema, create(StartPolicyRequestSchema, { name: policy.name, arguments: args }));
        checkArgumentsSize(args);
        const terms = {
          onDisconnect: 'STOP',
          leaseMs: 3_600_000,
          stopTimeoutMs: 600_000,
          killGuardMs: 600_000,
        } as const;
        const start = {
          run: runId(`${LONG}-9007199254740991`),
          policy: id,
          epoch: epoch(2 ** 52),
          terms,
          slots: 100_000,
        };
        const numbers = { commandId: 2 ** 52, generation: 2 ** 52, sequence: 2 ** 52 };
        const message = { kind: 'start', ...numbers, ...start, workload: spec.workload, arguments: args } as const;
        const [sent] = encodeLeaderMessage(message, 2 ** 52);
        expect(sent?.length).toBeLessThan(LIMITS.agentMessageBytes);
        starts += 1;
      }),
      { numRuns: 40 },
    );
    expect(starts).toBeGreaterThan(10);
  }, 120_000);
});

describe('what agents and operators make of pools and servers', () => {
  it('fits a record: the longest order, and a server with every capability and label', () => {
    const longest = 'x'.repeat(LIMITS.identityCharacters);
    // What it held before a restore, as many as are listed.
    const earlier = many(LIMITS.earlierAttempts, (i) => ({
      run: runId(`${'r'.repeat(75)}-${1_000 + i}`),
      epoch: epoch(2 ** 45 + i),
      policy: policyId('p'.repeat(63)),
      instanceId: longest,
    }));
    const order = many(LIMITS.poolServers, (i) => serverId(`${'s'.repeat(58)}${i}`));
    const capabilities = many(LIMITS.capabilities, (i) => ({
      name: `${'c'.repeat(58)}${i}`,
      value: 'v'.repeat(LIMITS.capabilityBytes),
      source: 'FINGERPRINT' as const,
    }));
    const labels = Object.fromEntries(many(LIMITS.labels, (i) => [`${'k'.repeat(58)}${i}`, '🙂'.repeat(256)]));
    fc.assert(
      fc.property(pools, servers, (pool, server) => {
        expect(encodeRecord({ ...pool, order }).length).toBeLessThan(LIMITS.recordBytes);
        const earlierLife = { instanceId: longest, machineId: longest, attempts: earlier, moreIn: longest };
        const record = { ...server, capabilities, labels, earlierLife };
        expect(encodeRecord(record).length).toBeLessThan(LIMITS.recordBytes);
      }),
      { numRuns: 5 },
    );
  }, 60_000);
});

function present({ workload }: { readonly workload?: Parameters<typeof checkWorkloadSize>[0] | undefined }) {
  if (workload === undefined) throw new Error('it has a workload');
  return workload;
}
