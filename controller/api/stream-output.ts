/**
 * Output of an attempt, read from its agent piece by piece. The controller keeps none of it: every piece is asked for when the
 * client has room for it, so a slow client slows only itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { outputTimesToProto } from '../../shared/codec/output-times.ts';
import { LocumError } from '../../shared/errors.ts';
import type { StreamOutputRequest, StreamOutputResponseSchema } from '../../shared/gen/locum/v1/run_service_pb.ts';
import type { OutputChunk } from '../../shared/protocol/agent-message.ts';
import { fromTimestamp, toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { Run } from '../core/records/state.ts';
import type { ApiContext } from './api-context.ts';
import { runIdOf } from './resource-id.ts';
import { sightOf } from './sight.ts';
import { throwIfEnded } from './watch-resources.ts';

/** Waits between two looks at output that does not grow: the longer the quiet, the longer the wait. */
const POLL_MS = 200;
const POLL_CAP_MS = 1_000;

type Piece = MessageInitShape<typeof StreamOutputResponseSchema>;

/** @throws LocumError NOT_FOUND, OUTPUT_NOT_FOUND, AGENT_UNREACHABLE, OVERLOADED */
export async function* streamOutput(
  api: ApiContext,
  { name, epoch, offset: from, follow, sinceTime, untilTime }: StreamOutputRequest,
  context: Pick<HandlerContext, 'values' | 'method' | 'signal'>,
): AsyncGenerator<Piece> {
  const { signal } = context;
  const id = runIdOf(name);
  const wanted = fromUint64(epoch, 'epoch');
  const attempt = await api.leaderTerm().read((state) => {
    const sight = sightOf(context, state);
    return attemptOf(
      sight.found(state.runs.get(id), name, (run) => sight.run(run)),
      wanted,
    );
  });
  // Labels of its policy may change while somebody reads for days.
  const stillSees = () =>
    api.leaderTerm().read((state) => {
      const sight = sightOf(context, state);
      const run = state.runs.get(id);
      if (run !== undefined) sight.found(run, name, () => sight.run(run));
    });
  let offset = Number(from);
  let waitMs = POLL_MS;
  /** Without `follow`: the size at the first look. What is written meanwhile belongs to the next request, or this one might never end. */
  let until: number | undefined;
  const sinceWall = fromTimestamp(sinceTime);
  const untilWall = fromTimestamp(untilTime) ?? Number.POSITIVE_INFINITY;
  while (!signal.aborted) {
    await stillSees();
    const askedWall = Date.now();
    const chunk = await api.agents.readOutput(attempt.server, { run: id, epoch: attempt.epoch, offset, sinceWall });
    const readTime = toTimestamp(Date.now());
    // Rotated-out bytes are skipped by the agent; a negative offset becomes a real one.
    offset = chunk.offset + chunk.data.length;
    if (!follow) until ??= chunk.size;
    const tooLate = chunk.times.find(({ wall, offset: at }) => wall > untilWall && at <= offset);
    if (tooLate !== undefined) until = Math.min(until ?? offset, Math.max(tooLate.offset, chunk.offset));
    const data = until !== undefined && offset > until ? chunk.data.subarray(0, bytesUntil(until, chunk)) : chunk.data;
    const times = outputTimesToProto(chunk.times.filter((time) => time.offset < chunk.offset + data.length));
    if (data.length > 0)
      yield { offset: toUint64(chunk.offset), data, epoch: toUint64(attempt.epoch), readTime, times };
    // Nothing of that time can come any more: what a host whose clock is behind still writes is told to the next one who asks.
    if (askedWall > untilWall && offset >= chunk.size) return;
    if (offset >= (until ?? chunk.size) && (until !== undefined || chunk.end)) return;
    if (offset < chunk.size) continue;
    waitMs = chunk.data.length > 0 ? POLL_MS : Math.min(POLL_CAP_MS, waitMs * 1.5);
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
  throwIfEnded(signal);
}

/** All of a piece may have been written, and older output rotated out, since `until` was the end. */
function bytesUntil(until: number, { offset }: OutputChunk): number {
  return Math.max(0, until - offset);
}

/** 0: the newest attempt. */
function attemptOf({ id, attempts }: Run, epoch: number): Pick<Run['attempts'][number], 'server' | 'epoch'> {
  const attempt = epoch === 0 ? attempts.at(-1) : attempts.find((one) => one.epoch === epoch);
  if (attempt !== undefined) return { server: attempt.server, epoch: attempt.epoch };
  const what = epoch === 0 ? 'has had no attempt yet' : `has no attempt with epoch ${epoch} that is still kept`;
  throw new LocumError('OUTPUT_NOT_FOUND', `runs/${id} ${what}`, { resource: `runs/${id}` });
}
