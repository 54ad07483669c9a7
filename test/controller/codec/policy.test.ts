import { create, fromJson, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policySpecFromProto, policyToProto } from '../../../controller/codec/policy.ts';
import { PolicySchema } from '../../../shared/gen/locum/v1/policy_pb.ts';
import { validate } from '../../../shared/rpc/validation.ts';
import { policies } from './arbitrary-records.ts';

describe('policies', () => {
  it('take the defaults that their proto promises', () => {
    const policy = fromJson(PolicySchema, { name: 'policies/x', workload: { script: { text: 'true' } } });
    validate(PolicySchema, policy);
    expect(policySpecFromProto(policy)).toEqual({
      pool: 'default',
      workload: { kind: 'script', interpreter: ['/bin/sh'], text: 'true', env: {}, workingDirectory: '', user: '' },
      trigger: { kind: 'continuous' },
      requirements: [],
      servers: [],
      listMode: 'ONLY',
      slots: 1,
      priority: 50,
      maxConcurrentRuns: 1,
      onDisconnect: 'STOP',
      stopTimeoutMs: undefined,
      restart: { attempts: 3, windowMs: 600_000, delayMs: 1_000, maxFailures: undefined },
      failback: undefined,
      onCapabilityLoss: 'MOVE',
      onRunMissing: 'NEXT',
      retention: { endedRuns: 20, events: undefined },
      labels: {},
    });
  });

  it('take the defaults of a health check that their proto promises', () => {
    const workload = { script: { text: 'true' } };
    const policy = fromJson(PolicySchema, { name: 'policies/x', workload, healthCheck: { http: { port: 80 } } });
    validate(PolicySchema, policy);
    expect(policySpecFromProto(policy).healthCheck).toEqual({
      probe: { kind: 'http', host: '127.0.0.1', port: 80, path: '/', tls: false },
      ...{ intervalMs: 10_000, timeoutMs: 5_000, graceMs: 30_000, failures: 3, missingAfterMs: undefined },
    });
  });

  it('can be read, edited as JSON and written back without changing what was not edited', () => {
    fc.assert(
      fc.property(policies, (policy) => {
        const shown = toJson(PolicySchema, policyToProto(policy));
        expect(policySpecFromProto(fromJson(PolicySchema, shown))).toEqual(policy.spec);
      }),
      { numRuns: 200 },
    );
  });

  it('without a workload are refused', () => {
    expect(() => policySpecFromProto(create(PolicySchema, { name: 'policies/x' }))).toThrow('policy.workload');
  });
});
