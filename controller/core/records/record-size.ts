/**
 * About how many bytes a record takes, for bounds on what waits. It is asked at each change, so nothing is encoded: what users can make
 * large is summed up, and the rest is a flat amount for each part.
 */
import type { Workload } from '../../../shared/protocol/workload.ts';
import type { AuditRecord } from './audit-record.ts';
import type { Policy, Run, StateRecord } from './state.ts';

const FLAT_BYTES = 300;
const ATTEMPT_BYTES = 200;
const CAPABILITY_BYTES = 80;

export function roughBytesOf(record: StateRecord): number {
  switch (record.kind) {
    case 'policy':
      return FLAT_BYTES + ofPolicy(record);
    case 'run':
      return FLAT_BYTES + ofRun(record);
    case 'server':
      return (
        FLAT_BYTES +
        (record.capabilities.length + record.probeFailures.length) * CAPABILITY_BYTES +
        lengthOf(Object.entries(record.labels).flat())
      );
    case 'pool':
      return FLAT_BYTES + lengthOf(record.order);
    case 'audit':
      return FLAT_BYTES + ofAudit(record);
    case 'event':
      return FLAT_BYTES + record.message.length + lengthOf(Object.values(record.details ?? {}));
    case 'hook':
      return FLAT_BYTES + (record.failing?.problem.length ?? 0);
    case 'authority':
      return FLAT_BYTES + record.endorsements.length + lengthOf(record.roots.map(({ certPem }) => certPem));
    case 'meta':
    case 'request':
    case 'join_token':
    case 'revocation':
    case 'audit_head':
    case 'role':
    case 'token':
    case 'user':
      return FLAT_BYTES;
  }
}

function ofPolicy({ spec }: Policy): number {
  const { workload, requirements, servers, labels, healthCheck } = spec;
  const check = healthCheck?.probe.kind === 'exec' ? lengthOf(healthCheck.probe.argv) : 0;
  return (
    check + ofWorkload(workload) + lengthOf(requirements) + lengthOf(servers) + lengthOf(Object.entries(labels).flat())
  );
}

function ofWorkload(workload: Workload): number {
  const env = lengthOf(Object.entries(workload.env).flat());
  const sources = Object.entries(workload.envFrom ?? {});
  const from = lengthOf(sources.map(([name, source]) => name + (source.kind === 'file' ? source.path : source.name)));
  return env + from + (workload.kind === 'script' ? workload.text.length : lengthOf(workload.argv));
}

const ofRun = (run: Run): number =>
  run.attempts.length * ATTEMPT_BYTES + run.state.message.length + lengthOf(run.arguments);

const ofAudit = ({ entry: { principal, method, resource, requestId, source } }: AuditRecord): number =>
  lengthOf([principal, method, resource, requestId, source]);

const lengthOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length, 0);
