/** Watches that survive a restart of the controller: opened again where they stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectError } from '@connectrpc/connect';
import { backoffMs } from '../../shared/backoff.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { CommandFailure } from '../exit-codes.ts';
import { tell } from '../output/print.ts';
import { mayRepeat } from './transport.ts';

/** What all watches of resources have in common. */
export interface WatchMessage {
  readonly revision: bigint;
  readonly snapshotEnd: boolean;
}

export interface ResumeOptions<M> {
  /** Opens the stream after a position; 0n: from its start. */
  readonly open: (after: bigint) => AsyncIterable<M>;
  /** From where to go on once this message is seen. Undefined: from where the one before said. */
  readonly positionOf: (message: M) => bigint | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Waits before the stream is opened again; `failures` in a row came before. Default: says so once, and backs off. */
  readonly pause?: (failures: number) => Promise<void>;
}

const BACKOFF = { baseMs: 200, capMs: 2_000 } as const;

/** Ends only by an error that repeating can't mend, by the signal, or by its reader. */
export async function* resuming<M>({ open, positionOf, signal, pause = backOff }: ResumeOptions<M>): AsyncGenerator<M> {
  let after = 0n;
  let failures = 0;
  let opened = false;
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
      if (isTooOld(error)) after = 0n;
      else if (!opened || !isBroken(error)) throw error;
    }
    // The stream ended or broke: the controller restarts, or another one leads.
    await pause(failures);
    failures += 1;
  }
}

async function backOff(failures: number): Promise<void> {
  if (failures === 0) tell('The stream ended; opening it again …');
  await sleep(backoffMs(BACKOFF, failures, Math.random()));
}

const isTooOld = (error: unknown): boolean => fromConnectError(error)?.reason === 'REVISION_TOO_OLD';

function isBroken(error: unknown): boolean {
  return error instanceof CommandFailure || (error instanceof ConnectError && mayRepeat(error));
}

/** For watches of resources: a snapshot that was cut off is taken again from its start. */
export function resourcePositions(): (message: WatchMessage) => bigint | undefined {
  let complete = false;
  return ({ revision, snapshotEnd }) => {
    complete ||= snapshotEnd;
    return complete ? revision : undefined;
  };
}
