/**
 * Watches keys for as long as the caller wants, over the loss of any member: resumed after the last event seen, on another
 * member when the one in use fails, is cut off from the others (`hasleader`), or is hung (asked every two seconds).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import {
  Maintenance,
  Watch,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
} from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { Event } from '../../../shared/gen/mvccpb/kv_pb.ts';
import { StoreError } from '../store.ts';
import type { EtcdClient, Stream } from './client.ts';
import { cancelledWatch, EtcdFault, etcdStoreError } from './fault.ts';
import type { Range } from './keys.ts';

type WatchStream = Stream<WatchRequest, WatchResponse>;

/** How often the member that serves a watch is asked whether it still answers. */
const PROBE_MS = 2_000;

/**
 * Events from `revision` on, that one included, in order and each once; whole revisions at a time. Ends when the signal aborts;
 * throws a StoreError when the revision is gone or the client is closed. `confirm` is asked whenever a stream was opened, before anything
 * of it is handed out: whether these are still the keys that were watched before.
 */
export async function* watchRange(
  client: EtcdClient,
  range: Range,
  revision: bigint,
  signal: AbortSignal,
  confirm: () => Promise<void> = async () => {},
): AsyncGenerator<readonly Event[], void> {
  let next = revision;
  const stop = AbortSignal.any([signal, client.closing]);
  while (!stop.aborted) {
    let stream: WatchStream | undefined;
    let failure: unknown;
    try {
      stream = await client.open(Watch.method.watch);
      for await (const { events, created } of responses(client, stream, range, next, stop)) {
        if (created) await confirm();
        const last = events.at(-1)?.kv?.modRevision;
        if (last === undefined) continue;
        next = last + 1n;
        client.saw(last);
        yield events;
      }
    } catch (error) {
      if (isFinal(error)) throw etcdStoreError(error);
      failure = error;
    }
    if (stop.aborted) break;
    if (stream !== undefined) client.ended(stream, failure);
    await client.pause(stop).catch(() => {});
  }
  if (!signal.aborted) client.closing.throwIfAborted();
}

/** Whether another member or another try would say the same. */
function isFinal(error: unknown): boolean {
  if (error instanceof StoreError) return true;
  return error instanceof EtcdFault && error.kind !== 'unknown' && error.kind !== 'busy';
}

/** What comes on one stream, until it ends, fails, or its member stops answering. */
async function* responses(
  client: EtcdClient,
  { call, member }: WatchStream,
  { key, rangeEnd }: Range,
  startRevision: bigint,
  stop: AbortSignal,
): AsyncGenerator<WatchResponse, void> {
  const over = new AbortController();
  const cancel = (): void => call.cancel();
  const ended = AbortSignal.any([stop, over.signal]);
  ended.addEventListener('abort', cancel, { once: true });
  // Errors also end the iteration below; this listener is for one that comes after it.
  call.on('error', () => {});
  try {
    if (stop.aborted) return;
    void probe(client, { call, member }, ended);
    const createRequest = { key, rangeEnd, startRevision };
    call.write(create(WatchRequestSchema, { requestUnion: { case: 'createRequest', value: createRequest } }));
    for await (const response of messages(call)) {
      if (response.compactRevision !== 0n) {
        throw new StoreError(
          'COMPACTED',
          `Changes after revision ${startRevision - 1n} are no longer kept: load again.`,
        );
      }
      if (response.canceled) {
        const fault = cancelledWatch(member.address, response.cancelReason);
        if (fault.kind === 'refused') throw etcdStoreError(fault);
        return;
      }
      yield response;
    }
  } finally {
    over.abort();
  }
}

/** grpc-js types its streams as untyped Readables; what comes is what the binding decoded. */
const messages = <I, O>(call: Stream<I, O>['call']): AsyncIterable<O> => call;

/** Asks the member of a stream whether it is alive, and cancels the stream when it does not answer. */
async function probe(client: EtcdClient, { call, member }: WatchStream, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    await sleep(PROBE_MS, undefined, { signal: ended, ref: false }).catch(() => {});
    if (ended.aborted) return;
    if (!(await client.answers(member, Maintenance.method.status, {}, ended))) call.cancel();
  }
}
