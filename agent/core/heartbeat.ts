/** Proof of life (semantics: A1). */
import { readingOf } from '../../shared/lease-clock.ts';
import { heldCertificate } from './certificate.ts';
import { offeredCapacity } from './inventory.ts';
import type { Session } from './state.ts';
import { send, type Turn } from './turn.ts';

/** Heartbeats whose stamps are kept; a grant or start that names an older one comes far too late. */
const MAX_STAMPS = 64;

/** h after `from`, jittered by 10 % either way, so that a thousand agents do not beat as one. */
export function nextHeartbeatAt({ state }: Turn, from: number): number {
  return from + state.timers.heartbeatMs * (0.9 + 0.2 * state.random.float());
}

/**
 * A1: the stamp is the time of this step, read just before the heartbeat is handed to the stream. A stream that takes nothing
 * gets none: a heartbeat that waits in a queue would be received long after its stamp, and prove a life that may be over. It is
 * dropped and uses no number, and what changed goes into the next.
 */
export function beatWhenDue(turn: Turn): void {
  const { state, now } = turn;
  const { session } = state;
  if (session === undefined || now.mono < session.heartbeatAt) return;
  session.heartbeatAt = nextHeartbeatAt(turn, now.mono);
  if (!session.writable) return;
  session.sequence += 1;
  keepStamp(turn, session);
  session.awaitingSince ??= now.mono;
  send(turn, session.stream, {
    kind: 'heartbeat',
    sequence: session.sequence,
    generation: session.generation,
    capacity: state.capacityChanged ? offeredCapacity(state) : undefined,
    ...(state.capabilitiesChanged
      ? { capabilities: state.capabilities, probeFailures: state.probeFailures }
      : { capabilities: undefined }),
    hostProblems: state.hostProblemsChanged ? state.hostProblems : undefined,
    ...(state.renewal.changed ? { certificate: heldCertificate(state.renewal) } : {}),
  });
  state.capacityChanged = false;
  state.capabilitiesChanged = false;
  state.hostProblemsChanged = false;
  state.renewal.changed = false;
}

function keepStamp({ now }: Turn, { stamps, sequence }: Session): void {
  stamps.set(sequence, readingOf(now));
  for (const n of stamps.keys()) {
    if (stamps.size <= MAX_STAMPS) return;
    stamps.delete(n);
  }
}
