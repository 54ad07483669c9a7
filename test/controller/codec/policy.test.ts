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

  it.each([
    [{ memory: '1Mi' }, 'workload.resources.memory: must be bytes or have a unit'],
    [{ memory: '65Ti' }, 'from 4Mi to 64Ti; it is 65Ti'],
    [{ memory: '999999999999999Ti' }, 'workload.resources.memory'],
    [{ memory: '512M' }, 'workload.resources.memory'],
    [{ cpu: 0.001 }, 'workload.resources.cpu'],
    [{ cpu: 2_000 }, 'workload.resources.cpu'],
    [{ pids: 0 }, 'workload.resources.pids'],
  ])('with limits that nobody could hold are refused: %j', (resources, words) => {
    const policy = fromJson(PolicySchema, { name: 'policies/x', workload: { script: { text: 'true' }, resources } });
    const read = (): unknown => {
      validate(PolicySchema, policy);
      return policySpecFromProto(policy);
    };
    expect(read).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD', message: expect.stringContaining(words) }));
  });

  it.each([
    [{ outputSize: '1Ki' }, 'policy.retention.output_size: must be bytes or have a unit'],
    [{ outputSize: '2Ti' }, 'from 64Ki to 1Ti'],
    [{ outputSize: 'much' }, 'retention.output_size'],
    [{ outputAge: '60s' }, 'retention.output_age'],
  ])('that want output kept in an impossible way are refused: %j', (retention, words) => {
    const policy = fromJson(PolicySchema, { name: 'policies/x', workload: { script: { text: 'true' } }, retention });
    const read = (): unknown => {
      validate(PolicySchema, policy);
      return policySpecFromProto(policy);
    };
    expect(read).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD', message: expect.stringContaining(words) }));
  });

  it('show limits in their largest unit, and limits of nothing as none', () => {
    const shown = (resources: Record<string, string | number>) => {
      const workload = { script: { text: 'true' }, resources };
      return policySpecFromProto(fromJson(PolicySchema, { name: 'policies/x', workload })).workload.resources;
    };
    expect(shown({ memory: '1048576Ki', cpu: 1.5, pids: 20 })).toEqual({ memoryBytes: 1024 ** 3, cpu: 1.5, pids: 20 });
    expect(shown({})).toBeUndefined();
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
