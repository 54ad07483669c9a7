/** `wait --for`: follows a watch until a state is reached, can't be reached any more, or time is up. */

import { followResources, type ResourceMessage } from '../sdk/typescript/resume.ts';
import { formatDuration } from '../shared/duration.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';
import type { Globals } from './globals.ts';
import { tellBroken } from './output/stream-notices.ts';

export const WAIT_TIMEOUT_MS = 300_000;

export interface WaitOptions {
  readonly for: string;
}

/** How things stand after a message. `now` says in words what is, for the message at the end of time. */
export type Standing = { readonly reached: true } | { readonly reached: false; readonly now: string };

export interface Wait<M extends ResourceMessage> {
  readonly globals: Pick<Globals, 'timeout'>;
  /** `policies/x to be running`. */
  readonly goal: string;
  readonly open: (revision: bigint, signal: AbortSignal) => AsyncIterable<M>;
  /** Takes a message in. Called for each. */
  readonly take: (message: M) => void;
  /** Judges what was taken in; asked once the snapshot is complete. @throws CommandFailure when the goal can't be reached. */
  readonly judge: () => Standing;
}

/** @throws CommandFailure 124 when time is up. */
export async function follow<M extends ResourceMessage>(wait: Wait<M>): Promise<void> {
  const timeoutMs = wait.globals.timeout ?? WAIT_TIMEOUT_MS;
  const signal = AbortSignal.timeout(timeoutMs);
  let complete = false;
  let now = 'nothing is known yet';
  const open = (revision: bigint): AsyncIterable<M> => wait.open(revision, signal);
  for await (const message of followResources({ open, signal, onBroken: tellBroken })) {
    wait.take(message);
    complete ||= message.snapshotEnd;
    if (!complete) continue;
    const standing = wait.judge();
    if (standing.reached) return;
    now = standing.now;
  }
  throw new CommandFailure(`waited ${formatDuration(timeoutMs)} for ${wait.goal}; ${now}`, EXIT.timeout);
}

/** @throws CommandFailure when it is no state to wait for. */
export function checkGoal<G extends string>(goals: readonly G[], text: string): G {
  const goal = goals.find((known) => known === text.toLowerCase());
  if (goal === undefined) throw new CommandFailure(`can't wait for "${text}"; possible: ${goals.join(', ')}`);
  return goal;
}
