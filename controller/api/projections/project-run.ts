/** A run as the API shows it: its record, its attempts, and its place in the queue. */
import type { Run as PbRun } from '../../../shared/gen/locum/v1/run_pb.ts';
import { serverName } from '../../../shared/resource-name.ts';
import { toTimestamp } from '../../../shared/rpc/time-messages.ts';
import type { Now } from '../../../shared/time.ts';
import { attemptToProto } from '../../codec/attempt.ts';
import { runToProto } from '../../codec/run.ts';
import type { ClusterState } from '../../core/cluster/cluster.ts';
import type { Run } from '../../core/records/state.ts';
import { firstStartOf } from '../../core/runs/attempt.ts';
import { currentAttempt, queuePosition } from '../../core/views.ts';

export function projectRun(state: ClusterState, run: Run, now: Now): PbRun {
  const message = runToProto(run);
  const current = currentAttempt(run);
  message.server = current === undefined ? '' : serverName(current.server);
  message.attempts = run.attempts.map(attemptToProto);
  message.startTime = toTimestamp(firstStartOf(run));
  message.queuePosition = run.state.kind === 'QUEUED' ? queuePosition(state, run, now) : 0;
  return message;
}
