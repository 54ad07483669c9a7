/** Watches that survive a restart of the controller: opened again where they stopped. */
import { ConnectError } from '@connectrpc/connect';
import { backoffMs } from '../../shared/backoff.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { mayRepeat } from './may-repeat.ts';
import { sleep } from './sleep.ts';
import { UnreachableError } from './unreachable-error.ts';

/** What all watches of resources have in common. */
export interface WatchMessage {
  readonly revision: bigint;
  readonly snapshotEnd: boolean;
}

export interface ResumeOptions<M, P> {
  /** Where to begin. */
  readonly start: P;
  /** Opens the stream after a position. */
  readonly open: (after: P) => AsyncIterable<M>;
  /** From where to go on once this message is seen. Undefined: from where the one before said. */
  readonly positionOf: (message: M) => P | undefined;
  /** From where to go on when what follows a position is no longer kept. Default: from the start. */
  readonly afterGap?: (after: P) => P;
  /** The server has answered before, so a stream that breaks at once is opened again. Default: it fails. */
  readonly answered?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Waits before the stream is opened again; `failures` in a row came before. Default: backs off. */
  readonly pause?: (failures: number) => Promise<void>;
  /** Told once when the stream has ended and is about to be opened again. */
  readonly onBroken?: () => void;
}

/** Between two openings of a stream that breaks. */
export const RESUME_BACKOFF = { baseMs: 200, capMs: 2_000 } as const;

/** Ends only by an error that repeating can't mend, by the signal, or by its reader. */
export async function* resuming<M, P>(options: ResumeOptions<M, P>): AsyncGenerator<M> {
  const { start, open, positionOf, afterGap = () => start, signal, pause = backOff, onBroken } = options;
  let after = start;
  let failures = 0;
  let opened = options.answered ?? false;
  const stopped = (): boolean => signal?.aborted === true;
  while (!stopped()) {
    try {
      for await (const message of open(after)) {
        opened = true;
        failures = 0;
        after = positionOf(message) ?? after;
        yield message;
      }
    } catch (error) {
      if (stopped()) return;
      if (isTooOld(error)) after = afterGap(after);
      else if (!opened || !isBroken(error)) throw error;
    }
    // The stream ended or broke: the controller restarts, or another one leads.
    if (failures === 0) onBroken?.();
    await pause(failures);
    failures += 1;
  }
}

async function backOff(failures: number): Promise<void> {
  await sleep(backoffMs(RESUME_BACKOFF, failures, Math.random()));
}

/** What follows is not kept any more, or was not when this reader had time for it. */
function isTooOld(error: unknown): boolean {
  const reason = fromConnectError(error)?.reason;
  return reason === 'REVISION_TOO_OLD' || reason === 'SLOW_READER';
}

function isBroken(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof ConnectError && mayRepeat(error));
}

/** A resource, the name of a deleted one, or neither. */
export interface ResourceMessage extends WatchMessage {
  readonly change:
    | { readonly case: 'deleted'; readonly value: string }
    | { readonly case: string; readonly value: { readonly name: string } }
    | { readonly case: undefined; readonly value?: undefined };
}

/**
 * A watch of resources, over any number of restarts and leaders. When it has to begin anew, what the new snapshot does not have was
 * deleted meanwhile, and is told as deleted.
 */
export async function* followResources<M extends ResourceMessage>(
  options: Pick<ResumeOptions<M, bigint>, 'signal' | 'pause' | 'onBroken'> & Pick<ResumeOptions<M, bigint>, 'open'>,
): AsyncGenerator<M> {
  let known = new Set<string>();
  let inSnapshot = new Set<string>();
  const open = (after: bigint): AsyncIterable<M> => {
    if (after === 0n) inSnapshot = new Set();
    return options.open(after);
  };
  for await (const message of resuming({ ...options, start: 0n, open, positionOf: resourcePositions() })) {
    const { change } = message;
    if (typeof change.value === 'string') known.delete(change.value);
    else if (change.value !== undefined) (message.revision === 0n ? inSnapshot : known).add(change.value.name);
    if (message.snapshotEnd) {
      for (const name of known) if (!inSnapshot.has(name)) yield deletedLike(message, name);
      known = inSnapshot;
    }
    yield message;
  }
}

/** What the server would have sent. */
const deletedLike = <M extends ResourceMessage>(message: M, name: string): M => ({
  ...message,
  snapshotEnd: false,
  change: { case: 'deleted', value: name },
});

/** A snapshot that was cut off is taken again from its start. */
function resourcePositions(): (message: WatchMessage) => bigint | undefined {
  let complete = false;
  return ({ revision, snapshotEnd }) => {
    complete ||= snapshotEnd;
    return complete ? revision : undefined;
  };
}
