import type { Session } from '../cluster/session.ts';
import type { Turn } from '../cluster/turn.ts';

/**
 * SEQUENCE_GAP: a heartbeat was lost. GENERATION_AHEAD: it holds more than it was told. START_UNANSWERED: nothing is known of a start.
 * MORE_OF_BEFORE_RESTORE: what was listed of an earlier life has ended, and there was more than could be listed.
 */
type WhyFullState = 'SEQUENCE_GAP' | 'GENERATION_AHEAD' | 'START_UNANSWERED' | 'MORE_OF_BEFORE_RESTORE';

/** Asks an agent for its full inventory, once until it answers. */
export function askFullState(turn: Turn, session: Session, reason: WhyFullState): void {
  if (session.fullStateAsked || session.phase !== 'OPEN') return;
  session.fullStateAsked = true;
  turn.queueCommand(session, { kind: 'plain', message: { kind: 'report_full_state', reason } });
}
