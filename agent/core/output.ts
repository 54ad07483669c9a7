/** Output of attempts, read through the keeper for whoever asks the leader for it. */
import type { ReadOutput } from '../../shared/protocol/leader-message.ts';
import type { Session } from './state.ts';
import { askKeeper, send, type Turn } from './turn.ts';

/** Reads under way; the leader asks for the next chunk when it has one. */
const MAX_READS = 32;
const MAX_CHUNK_BYTES = 64 * 1024;

export function readOutput(turn: Turn, session: Session, read: ReadOutput): void {
  const { state } = turn;
  const { requestId, run, epoch, offset, limit, sinceWall } = read;
  const open = [...state.pending.values()].filter(({ kind }) => kind === 'read').length;
  const problem =
    state.keeper.kind !== 'live' ? 'the keeper is not there' : open >= MAX_READS ? 'too many reads at once' : undefined;
  if (problem !== undefined) {
    const chunk = {
      offset: Math.max(0, offset),
      data: new Uint8Array(),
      size: 0,
      end: false,
      error: problem,
      times: [],
    };
    send(turn, session.stream, { kind: 'output_chunk', requestId, chunk });
    return;
  }
  const ask = { kind: 'read', attempt: { run, epoch }, offset, limit: clampLimit(limit), sinceWall } as const;
  askKeeper(turn, ask, { kind: 'read', stream: session.stream, requestId });
}

const clampLimit = (limit: number): number => (limit <= 0 ? MAX_CHUNK_BYTES : Math.min(limit, MAX_CHUNK_BYTES));
