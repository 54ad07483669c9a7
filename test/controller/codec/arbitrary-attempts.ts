/** Random attempts, in every state that one can be in. */
import fc from 'fast-check';
import type { AttemptEnd, AttemptState } from '../../../controller/core/records/attempt-state.ts';
import { REASONS_IN } from '../../../controller/core/records/run-state.ts';
import type { Attempt } from '../../../controller/core/records/state.ts';
import { HOST_PROBLEM_KINDS } from '../../../shared/host-problem.ts';
import { anEpoch, anUid, counter, optional, server, span, text, wall } from './arbitrary-values.ts';

const end: fc.Arbitrary<AttemptEnd> = fc.record({
  cause: fc.constantFrom('UNKNOWN', 'EXITED', 'STOPPED', 'LAPSED', 'REFUSED', 'SPAWN_FAILED', 'LOST'),
  exitCode: optional(fc.integer({ min: -1, max: 255 })),
  hostProblem: optional(fc.constantFrom(...HOST_PROBLEM_KINDS)),
  signal: text,
  proof: fc.constantFrom('REPORT', 'REFUSED', 'INVENTORY', 'NEW_BOOT', 'NEVER_SENT', 'WAIT', 'OPERATOR', 'OVERLAP'),
  detail: text,
});

export const attemptCause = fc.constantFrom('START', 'RESTART', 'RECOVERY', 'MOVE', 'FAILBACK', 'DRAIN');

const attemptState: fc.Arbitrary<AttemptState> = fc.oneof(
  fc.constant({ kind: 'ASSIGNED' as const }),
  fc.record({
    kind: fc.constantFrom('STARTING' as const, 'RUNNING' as const, 'STOPPING' as const, 'STUCK' as const),
    pid: fc.integer({ min: 0, max: 2 ** 22 }),
    startWall: optional(wall),
  }),
  fc.record({ kind: fc.constant('ENDED' as const), end, startWall: optional(wall), endWall: wall }),
);

export const attempts: fc.Arbitrary<Attempt> = fc.record({
  epoch: anEpoch,
  server,
  place: fc.record({ serverUid: anUid, instanceId: text, machineId: text }),
  bootId: text,
  cause: attemptCause,
  terms: fc.record({
    onDisconnect: fc.constantFrom('STOP' as const, 'HOLD' as const, 'OVERLAP' as const),
    leaseMs: span,
    stopTimeoutMs: span,
    killGuardMs: span,
  }),
  state: attemptState,
  assignWall: wall,
  assignAge: counter,
  stopReason: optional(fc.constantFrom(...REASONS_IN.STOPPING)),
  overlapped: fc.boolean(),
  health: optional(
    fc.record({
      state: fc.constantFrom('HEALTHY' as const, 'UNHEALTHY' as const),
      detail: text,
      sinceWall: wall,
      sinceAge: counter,
    }),
  ),
});
