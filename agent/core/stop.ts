/** Stop commands. A stop is always obeyed: it can only end something. */
import type { StopCommand } from '../../shared/protocol/leader-message.ts';
import { isLiving, keyOf } from './attempt.ts';
import { beginStop } from './lease.ts';
import { holdGeneration } from './session.ts';
import { spend } from './spent.ts';
import { applied, refusal } from './start.ts';
import type { Session } from './state.ts';
import { answerCommand, type Turn } from './turn.ts';

export function acceptStop(turn: Turn, session: Session, command: StopCommand): void {
  const { state } = turn;
  const { commandId } = command;
  holdGeneration(session, command.generation);
  state.highestEpoch = Math.max(state.highestEpoch, command.epoch);
  // A3: an epoch that was stopped never runs later, also where its start has not been seen.
  spend(state.spent, command.run, command.epoch, refusal('STOPPED_BEFORE_START', 'it was stopped before it started'));
  const attempt = state.attempts.get(keyOf(command));
  if (attempt === undefined || !isLiving(attempt)) {
    answerCommand(turn, session.stream, commandId, applied('ALREADY_APPLIED', 'NOT_RUNNING'));
    return;
  }
  attempt.isGranted = false;
  if (attempt.stop !== undefined) {
    answerCommand(turn, session.stream, commandId, applied('ALREADY_APPLIED', 'STOPPING'));
    return;
  }
  beginStop(turn, attempt, 'STOPPED', command.reason, { stream: session.stream, commandId });
  // Without a keeper the trees are being killed already, and the stop is asked for again when one is back.
  if (state.keeper.kind !== 'live') answerCommand(turn, session.stream, commandId, applied('APPLIED'));
}
