/** Health checks and what they say: `locum.v1`, as policies, starts, reports and the keeper's table have them. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { invalidField } from '../errors.ts';
import type { HealthCheckSchema, HealthCheck as PbHealthCheck } from '../gen/locum/v1/policy_pb.ts';
import { Health as PbHealth } from '../gen/locum/v1/run_pb.ts';
import type { HealthCheck, HealthProbe, ReportedHealth } from '../protocol/health-check.ts';
import { fromDuration, toDuration } from '../rpc/time-messages.ts';
import { SECOND } from '../time.ts';
import { wordTable } from './word-table.ts';

/** What an unset field means; the comments of policy.proto say the same. */
export const HEALTH_CHECK_DEFAULTS = {
  ...{ intervalMs: 10 * SECOND, timeoutMs: 5 * SECOND, graceMs: 30 * SECOND, failures: 3 },
  ...{ host: '127.0.0.1', path: '/' },
} as const;

export const healthWords = wordTable<ReportedHealth['state'], PbHealth>({
  HEALTHY: PbHealth.HEALTHY,
  UNHEALTHY: PbHealth.UNHEALTHY,
});

export function healthCheckToProto(check: HealthCheck): MessageInitShape<typeof HealthCheckSchema> {
  const { probe, intervalMs, timeoutMs, graceMs, failures } = check;
  return {
    kind: probeToProto(probe),
    ...{ interval: toDuration(intervalMs), timeout: toDuration(timeoutMs), grace: toDuration(graceMs), failures },
  };
}

function probeToProto(probe: HealthProbe): NonNullable<MessageInitShape<typeof HealthCheckSchema>['kind']> {
  switch (probe.kind) {
    case 'exec':
      return { case: 'exec', value: { argv: [...probe.argv] } };
    case 'http': {
      const { host, port, path, tls } = probe;
      return { case: 'http', value: { host, port, path, tls } };
    }
    case 'tcp':
      return { case: 'tcp', value: { host: probe.host, port: probe.port } };
  }
}

/** @throws LocumError INVALID_FIELD when it says no kind of check. */
export function healthCheckFromProto(check: PbHealthCheck): HealthCheck {
  const known = knownHealthCheck(check);
  if (known === undefined) throw invalidField('health_check', 'exactly one of exec, http and tcp must be set');
  return known;
}

/** Undefined: of a kind that this version does not know. */
export function knownHealthCheck(check: PbHealthCheck): HealthCheck | undefined {
  const probe = probeFromProto(check);
  return (
    probe && {
      probe,
      intervalMs: fromDuration(check.interval) ?? HEALTH_CHECK_DEFAULTS.intervalMs,
      timeoutMs: fromDuration(check.timeout) ?? HEALTH_CHECK_DEFAULTS.timeoutMs,
      graceMs: fromDuration(check.grace) ?? HEALTH_CHECK_DEFAULTS.graceMs,
      failures: check.failures ?? HEALTH_CHECK_DEFAULTS.failures,
    }
  );
}

function probeFromProto({ kind }: PbHealthCheck): HealthProbe | undefined {
  switch (kind.case) {
    case 'exec':
      return { kind: 'exec', argv: [...kind.value.argv] };
    case 'http': {
      const { port, tls, host, path } = kind.value;
      const where = { host: host || HEALTH_CHECK_DEFAULTS.host, path: path || HEALTH_CHECK_DEFAULTS.path };
      return { kind: 'http', ...where, port, tls };
    }
    case 'tcp':
      return { kind: 'tcp', host: kind.value.host || HEALTH_CHECK_DEFAULTS.host, port: kind.value.port };
    case undefined:
      return undefined;
  }
}
