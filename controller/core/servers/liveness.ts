/**
 * Liveness. A heartbeat only notes when it came, and moves no timer; when a server's time comes, its last heartbeat is looked up, and it
 * is either waited for again or called SUSPECT or MISSING. Time only ever says when to look: what is judged is the silence (semantics 4, C6).
 */
import { change, SILENT } from '../cluster/change.ts';
import { poolOf, serverLiveOf } from '../cluster/cluster.ts';
import type { Session } from '../cluster/session.ts';
import type { Turn } from '../cluster/turn.ts';
import type { CauseOf } from '../records/event-type.ts';
import type { Liveness, Server } from '../records/state.ts';
import { noteMissing, noteReturned } from './server-gate.ts';
import { closeSession } from './session.ts';
import { noteSuspect } from './storm.ts';

/** What a silence means. */
export function judgeSilence(
  silenceMs: number,
  suspectAfterMs: number,
  missingAfterMs: number,
): 'ALIVE' | 'SUSPECT' | 'MISSING' {
  if (silenceMs >= missingAfterMs) return 'MISSING';
  return silenceMs >= suspectAfterMs ? 'SUSPECT' : 'ALIVE';
}

/** A server's time has come: look at its silence, and say when to look again. */
export function judgeServer(turn: Turn, server: Server): void {
  if (server.liveness !== 'ALIVE' && server.liveness !== 'SUSPECT') return;
  const { state, now } = turn;
  const { suspectAfterMs, missingAfterMs } = poolOf(state, server.pool).timers;
  const { lastHeartbeatMono, rhythmSinceMono, session } = serverLiveOf(state, server.id);
  const silentSince = Math.max(lastHeartbeatMono, rhythmSinceMono);
  // It beats in the old rhythm until it has been told the new one.
  if (session !== undefined && isUntold(session)) {
    turn.serverWheel.set(server.id, now.mono + suspectAfterMs);
    return;
  }
  if (now.mono < state.judgeNotBeforeMono) {
    turn.serverWheel.set(server.id, state.judgeNotBeforeMono);
    return;
  }
  const silenceMs = now.mono - silentSince;
  const judged = judgeSilence(silenceMs, suspectAfterMs, missingAfterMs);
  if (judged !== 'ALIVE' && server.liveness === 'ALIVE') becomeSuspect(turn, server, silenceMs);
  if (judged === 'MISSING') becomeMissing(turn, server, silenceMs, missingAfterMs);
  else turn.serverWheel.set(server.id, silentSince + (judged === 'ALIVE' ? suspectAfterMs : missingAfterMs));
}

const isUntold = ({ control }: Session): boolean =>
  control.some(({ command }) => command.kind === 'plain' && command.message.kind === 'timers_changed');

function becomeSuspect(turn: Turn, server: Server, silenceMs: number): void {
  setLiveness(turn, server, 'SUSPECT', 'HEARTBEAT_SILENCE', `no heartbeat for ${Math.round(silenceMs)} ms`, {
    silence_ms: silenceMs.toFixed(1),
  });
  noteSuspect(turn, server);
}

function becomeMissing(turn: Turn, server: Server, silenceMs: number, missingAfterMs: number): void {
  const message = `no heartbeat for ${Math.round(silenceMs)} ms; what it ran goes elsewhere once its end is proven`;
  setLiveness(turn, server, 'MISSING', 'HEARTBEAT_SILENCE', message, {
    silence_ms: silenceMs.toFixed(1),
    late_ms: (silenceMs - missingAfterMs).toFixed(1),
  });
  noteMissing(turn, server);
  const { session } = serverLiveOf(turn.state, server.id);
  // A stream that is open and silent is of no use: a returning agent says Hello again.
  if (session !== undefined) closeSession(turn, session, undefined, true);
}

/** A heartbeat or Hello arrived. */
export function becomeAlive(turn: Turn, server: Server): void {
  const { state, now } = turn;
  const live = serverLiveOf(state, server.id);
  const { suspectAfterMs } = poolOf(state, server.pool).timers;
  turn.serverWheel.set(server.id, live.lastHeartbeatMono + suspectAfterMs);
  if (server.liveness === 'ALIVE') return;
  const was = server.liveness;
  live.aliveSinceMono = now.mono;
  noteReturned(turn, server);
  setLiveness(turn, server, 'ALIVE', was === 'SUSPECT' ? 'HEARTBEAT' : 'RETURNED', `it was ${was}`);
}

/** Goodbye: nothing was lost, and its work moves at once. */
export function becomeLeft(turn: Turn, server: Server, cause: CauseOf<'SERVER_LEFT'>): void {
  turn.serverWheel.cancel(server.id);
  // An agent that leaves offers no slots from then on. What it will offer when it is back, nobody knows.
  if (server.agentMaxSlots === 0) change(turn, server, { agentMaxSlots: undefined }, SILENT);
  setLiveness(turn, server, 'LEFT', cause, 'it said Goodbye');
}

function setLiveness(
  turn: Turn,
  server: Server,
  liveness: Liveness,
  cause: CauseOf<`SERVER_${Liveness}`>,
  message: string,
  details?: Readonly<Record<string, string>>,
): void {
  change(
    turn,
    server,
    { liveness, livenessSinceWall: turn.now.wall },
    {
      type: `SERVER_${liveness}`,
      cause,
      message: `${server.id} is ${liveness}: ${message}`,
      ...(details === undefined ? {} : { details }),
    },
  );
}
