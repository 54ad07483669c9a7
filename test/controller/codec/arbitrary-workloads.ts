/** Random workloads and health checks, with every field that one can have. */
import fc from 'fast-check';
import type { PolicyHealthCheck } from '../../../controller/core/records/state.ts';
import type { Workload } from '../../../shared/protocol/workload.ts';
import { labels, optional, span, text, word } from './arbitrary-values.ts';

const place = { env: labels, workingDirectory: text, user: text };

const programs: fc.Arbitrary<Workload> = fc.oneof(
  fc.record({ ...place, kind: fc.constant('command' as const), argv: fc.array(text, { maxLength: 4 }) }),
  fc.record({
    ...place,
    kind: fc.constant('script' as const),
    interpreter: fc.array(text, { minLength: 1, maxLength: 3 }),
    text,
  }),
);

const source = fc.oneof(
  fc.record({ kind: fc.constant('file' as const), path: text }),
  fc.record({ kind: fc.constant('agent_env' as const), name: text }),
);

const MIB = 1024 * 1024;

const resources = fc.record(
  {
    memoryBytes: fc.integer({ min: 4 * MIB, max: 64 * MIB * MIB }),
    cpu: fc.integer({ min: 10, max: 1_024_000 }).map((thousandths) => thousandths / 1_000),
    pids: fc.integer({ min: 1, max: 4_194_304 }),
  },
  { requiredKeys: [] },
);

/** None is a field that is not there. */
export const workloads: fc.Arbitrary<Workload> = fc
  .tuple(programs, fc.dictionary(word(/^[A-Z]{1,5}$/), source, { maxKeys: 3 }), resources)
  .map(([program, envFrom, limits]) => ({
    ...program,
    ...(Object.keys(envFrom).length === 0 ? {} : { envFrom }),
    ...(Object.keys(limits).length === 0 ? {} : { resources: limits }),
  }));

/** A host and a path are never empty: unset ones are written out. */
const named = text.map((value) => `x${value}`);
const port = fc.integer({ min: 1, max: 65_535 });

export const healthChecks: fc.Arbitrary<PolicyHealthCheck> = fc.record({
  probe: fc.oneof(
    fc.record({ kind: fc.constant('exec' as const), argv: fc.array(text, { maxLength: 3 }) }),
    fc.record({ kind: fc.constant('http' as const), host: named, port, path: named, tls: fc.boolean() }),
    fc.record({ kind: fc.constant('tcp' as const), host: named, port }),
  ),
  intervalMs: span,
  timeoutMs: span,
  graceMs: span,
  failures: fc.integer({ min: 1, max: 100 }),
  missingAfterMs: optional(span),
});
