/** What an UpdatePolicy says: a mask over the fields of the message becomes a patch of the core's spec. */

import { create } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { type Policy as PbPolicy, WorkloadSchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { policySpecFromProto } from '../codec/policy.ts';
import { checkHealthCheckSize, checkProgram, checkWorkloadSize } from '../codec/workload-check.ts';
import type { PolicyPatch } from '../core/cluster/event.ts';
import type { PolicySpec } from '../core/records/state.ts';
import { maskPaths } from './update-mask.ts';

/** Fields of the message that users write, and the part of the spec that each of them is. */
const FIELDS: Readonly<Record<string, keyof PolicySpec>> = {
  pool: 'pool',
  workload: 'workload',
  trigger: 'trigger',
  requirements: 'requirements',
  servers: 'servers',
  list_mode: 'listMode',
  slots: 'slots',
  priority: 'priority',
  max_concurrent_runs: 'maxConcurrentRuns',
  on_disconnect: 'onDisconnect',
  stop_timeout: 'stopTimeoutMs',
  restart: 'restart',
  time_limit: 'timeLimitMs',
  health_check: 'healthCheck',
  failback: 'failback',
  on_capability_loss: 'onCapabilityLoss',
  on_run_missing: 'onRunMissing',
  retention: 'retention',
  labels: 'labels',
};

const UNUSED = create(WorkloadSchema, { kind: { case: 'command', value: {} } });

/** The spec of a policy that is created. @throws LocumError INVALID_FIELD */
export function newPolicySpec(policy: PbPolicy): PolicySpec {
  if (policy.workload !== undefined) {
    checkProgram(policy.workload, 'policy.workload');
    checkWorkloadSize(policy.workload, 'policy.workload');
  }
  if (policy.healthCheck !== undefined) checkHealthCheckSize(policy.healthCheck, 'policy.health_check');
  return policySpecFromProto(policy);
}

/**
 * Without a mask every field is replaced, unset ones by their defaults; only the pool, which can't change, may be left out.
 * @throws LocumError INVALID_FIELD
 */
export function policyPatch(policy: PbPolicy, mask: FieldMask | undefined): PolicyPatch {
  const paths = maskPaths(mask, Object.keys(FIELDS));
  // Only what the mask names counts; the rest need not be there.
  const spec = newPolicySpec(paths?.has('workload') === false ? { ...policy, workload: UNUSED } : policy);
  const named = Object.entries(FIELDS).filter(([path]) => {
    return paths === undefined ? path !== 'pool' || policy.pool !== '' : paths.has(path);
  });
  return Object.fromEntries(named.map(([, key]) => [key, spec[key]]));
}
