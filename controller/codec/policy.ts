/** Policies: core ⇄ API and store. */
import { create } from '@bufbuild/protobuf';
import { formatByteSize } from '../../shared/byte-size.ts';
import { byteSizeFromProto } from '../../shared/codec/byte-size.ts';
import { healthCheckFromProto, healthCheckToProto } from '../../shared/codec/health-check.ts';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { required, requiredId, requiredTime } from '../../shared/codec/required.ts';
import { onDisconnectWords } from '../../shared/codec/words.ts';
import { workloadFromProto, workloadToProto } from '../../shared/codec/workload.ts';
import { type PolicyRecord, PolicyRecordSchema } from '../../shared/gen/locum/store/v1/record_pb.ts';
import {
  type HealthCheck as PbHealthCheck,
  type Policy as PbPolicy,
  type Restart as PbRestart,
  type Retention as PbRetention,
  PolicySchema,
} from '../../shared/gen/locum/v1/policy_pb.ts';
import { DEFAULT_POOL, uid } from '../../shared/ids.ts';
import { KIB } from '../../shared/limits.ts';
import {
  parsePolicyName,
  parsePoolName,
  parseServerName,
  policyName,
  poolName,
  serverName,
} from '../../shared/resource-name.ts';
import { fromDuration, fromTimestamp, toDuration, toTimestamp } from '../../shared/rpc/time-messages.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { etagOf } from '../core/records/etag.ts';
import type { Policy, PolicyHealthCheck, PolicySpec } from '../core/records/state.ts';
import { triggerFromProto, triggerToProto } from './trigger.ts';
import { failbackWords, listModeWords, onCapabilityLossWords, onRunMissingWords } from './words.ts';

/** What an unset field of a policy means; the comments of policy.proto say the same. */
export const POLICY_DEFAULTS = {
  slots: 1,
  priority: 50,
  maxConcurrentRuns: 1,
  restart: { attempts: 3, windowMs: 10 * MINUTE, delayMs: SECOND },
  endedRuns: 20,
} as const;

/** Bytes of output that a policy may want kept. */
const OUTPUT = { min: 64 * KIB, max: 1024 ** 4 };

/**
 * The fields that users write, with their defaults. The message has passed the rules of its proto; what they can't say (cron,
 * requirements) is judged by the core.
 * @throws LocumError INVALID_FIELD
 */
export function policySpecFromProto(policy: PbPolicy): PolicySpec {
  return {
    pool: policy.pool === '' ? DEFAULT_POOL : requiredId(parsePoolName, policy.pool, 'policy.pool'),
    workload: workloadFromProto(required(policy.workload, 'policy.workload')),
    trigger: triggerFromProto(policy.trigger),
    requirements: [...policy.requirements],
    servers: policy.servers.map((name, index) => requiredId(parseServerName, name, `policy.servers[${index}]`)),
    listMode: listModeWords.from.get(policy.listMode) ?? 'ONLY',
    slots: policy.slots ?? POLICY_DEFAULTS.slots,
    priority: policy.priority ?? POLICY_DEFAULTS.priority,
    maxConcurrentRuns: policy.maxConcurrentRuns ?? POLICY_DEFAULTS.maxConcurrentRuns,
    onDisconnect: onDisconnectWords.from.get(policy.onDisconnect) ?? 'STOP',
    stopTimeoutMs: fromDuration(policy.stopTimeout),
    timeLimitMs: fromDuration(policy.timeLimit),
    healthCheck: policyCheckFromProto(policy.healthCheck),
    restart: restartFromProto(policy.restart),
    failback: failbackWords.from.get(policy.failback),
    onCapabilityLoss: onCapabilityLossWords.from.get(policy.onCapabilityLoss) ?? 'MOVE',
    onRunMissing: onRunMissingWords.from.get(policy.onRunMissing) ?? 'NEXT',
    retention: retentionFromProto(policy.retention),
    labels: { ...policy.labels },
  };
}

function retentionFromProto(retention: PbRetention | undefined): PolicySpec['retention'] {
  const { endedRuns = POLICY_DEFAULTS.endedRuns, events, outputSize = '', outputAge } = retention ?? {};
  const output = {
    ...(outputSize === '' ? {} : { bytes: byteSizeFromProto(outputSize, 'policy.retention.output_size', OUTPUT) }),
    ...(outputAge === undefined ? {} : { ageMs: fromDuration(outputAge) }),
  };
  return { endedRuns, events, ...(Object.keys(output).length === 0 ? {} : { output }) };
}

function retentionToProto({ endedRuns, events, output }: PolicySpec['retention']) {
  const { bytes, ageMs } = output ?? {};
  return {
    ...{ endedRuns, ...(events === undefined ? {} : { events }), outputAge: toDuration(ageMs) },
    ...(bytes === undefined ? {} : { outputSize: formatByteSize(bytes) }),
  };
}

function restartFromProto(restart: PbRestart | undefined): PolicySpec['restart'] {
  return {
    attempts: restart?.attempts ?? POLICY_DEFAULTS.restart.attempts,
    windowMs: fromDuration(restart?.window) ?? POLICY_DEFAULTS.restart.windowMs,
    delayMs: fromDuration(restart?.delay) ?? POLICY_DEFAULTS.restart.delayMs,
    maxFailures: restart?.maxFailures,
  };
}

function policyCheckFromProto(check: PbHealthCheck | undefined): PolicySpec['healthCheck'] {
  return check && { ...healthCheckFromProto(check), missingAfterMs: fromDuration(check.missingAfter) };
}

function policyCheckToProto({ missingAfterMs, ...check }: PolicyHealthCheck) {
  return { ...healthCheckToProto(check), missingAfter: toDuration(missingAfterMs) };
}

/** All fields of the record, defaults written out. What is derived from other records is added by the API's projections. */
export function policyToProto(policy: Policy): PbPolicy {
  const { spec } = policy;
  return create(PolicySchema, {
    name: policyName(policy.id),
    uid: policy.uid,
    etag: etagOf(policy),
    createTime: toTimestamp(policy.createWall),
    updateTime: toTimestamp(policy.updateWall),
    pool: poolName(spec.pool),
    workload: workloadToProto(spec.workload),
    trigger: triggerToProto(spec.trigger),
    requirements: [...spec.requirements],
    servers: spec.servers.map(serverName),
    listMode: listModeWords.to[spec.listMode],
    slots: spec.slots,
    priority: spec.priority,
    maxConcurrentRuns: spec.maxConcurrentRuns,
    onDisconnect: onDisconnectWords.to[spec.onDisconnect],
    stopTimeout: toDuration(spec.stopTimeoutMs),
    timeLimit: toDuration(spec.timeLimitMs),
    ...(spec.healthCheck === undefined ? {} : { healthCheck: policyCheckToProto(spec.healthCheck) }),
    restart: {
      attempts: spec.restart.attempts,
      window: toDuration(spec.restart.windowMs),
      delay: toDuration(spec.restart.delayMs),
      ...(spec.restart.maxFailures === undefined ? {} : { maxFailures: spec.restart.maxFailures }),
    },
    ...(spec.failback === undefined ? {} : { failback: failbackWords.to[spec.failback] }),
    onCapabilityLoss: onCapabilityLossWords.to[spec.onCapabilityLoss],
    onRunMissing: onRunMissingWords.to[spec.onRunMissing],
    retention: retentionToProto(spec.retention),
    labels: { ...spec.labels },
    paused: policy.paused,
    deleting: policy.deleting,
    lastTickTime: toTimestamp(policy.lastTickWall),
    skippedTicks: policy.skippedTicks,
  });
}

export function policyToRecord(policy: Policy): PolicyRecord {
  return create(PolicyRecordSchema, {
    policy: policyToProto(policy),
    version: toUint64(policy.version),
    scheduledFromTime: toTimestamp(policy.scheduledFromWall),
    owesRun: policy.owesRun,
  });
}

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function policyFromRecord(record: PolicyRecord): Policy {
  const policy = required(record.policy, 'policy');
  return {
    kind: 'policy',
    id: requiredId(parsePolicyName, policy.name, 'name'),
    version: fromUint64(record.version, 'version'),
    uid: uid(policy.uid),
    createWall: requiredTime(policy.createTime, 'create_time'),
    updateWall: requiredTime(policy.updateTime, 'update_time'),
    spec: policySpecFromProto(policy),
    paused: policy.paused,
    deleting: policy.deleting,
    lastTickWall: fromTimestamp(policy.lastTickTime),
    skippedTicks: policy.skippedTicks,
    scheduledFromWall: fromTimestamp(record.scheduledFromTime),
    owesRun: record.owesRun,
  };
}
