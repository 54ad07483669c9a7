import type { Session } from '../cluster/cluster.ts';
import type { Turn } from '../cluster/turn.ts';

/** Asks an agent for its full inventory, once until it answers. */
export function askFullState(turn: Turn, session: Session, reason: string): void {
  if (session.fullStateAsked || session.phase !== 'OPEN') return;
  session.fullStateAsked = true;
  turn.queueCommand(session, { kind: 'plain', message: { kind: 'report_full_state', reason } });
}
