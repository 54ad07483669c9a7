/**
 * Which forgotten attempts keep their output. Each policy has room of its own, so that one which restarts every second pushes out
 * nothing but its own; what the host has no room for is taken from whoever takes most.
 */
import { LIMITS } from '../../shared/limits.ts';
import type { PolicyOutputRetention } from '../../shared/protocol/output-retention.ts';
import { DAY } from '../../shared/time.ts';
import type { Attempt } from './attempt.ts';

export interface OutputRetention {
  /** The newest attempts of a policy, whose output age and `policyBytes` do not touch; its newest failed one comes on top. Default 5. */
  readonly newest: number;
  /** Bytes that the output of a policy's forgotten attempts may take together. Default 64 MiB. */
  readonly policyBytes: number;
  /** Bytes that the output of all of them may take together, the newest ones included. Default 1 GiB. */
  readonly hostBytes: number;
  /** Milliseconds from the end of an attempt. Default 7 days. */
  readonly ageMs: number;
}

export const DEFAULT_OUTPUT_RETENTION: OutputRetention = {
  newest: 5,
  policyBytes: 64 * 1024 * 1024,
  hostBytes: 1024 * 1024 * 1024,
  ageMs: 7 * DAY,
};

/** What counts of an ended attempt. */
export interface OutputOwner {
  /** Empty: not known. */
  readonly policy: string;
  /** It did not end as it should have: its output is what somebody will look for. */
  readonly failed: boolean;
  /** Milliseconds since 1970. */
  readonly endedWall: number;
  /** What its policy wanted. Undefined: what the keeper is configured with. */
  readonly wanted?: PolicyOutputRetention | undefined;
}

/** Output of a forgotten attempt. */
export interface EndedOutput extends OutputOwner {
  readonly key: string;
  readonly bytes: number;
}

type Ended = Pick<Attempt, 'policy' | 'ended' | 'outputRetention'>;

export function outputOwnerOf({ policy, ended, outputRetention }: Ended): OutputOwner {
  const { cause, exitCode } = ended?.end ?? {};
  const failed = cause !== 'STOPPED' && !(cause === 'EXITED' && exitCode === 0);
  const wanted = outputRetention === undefined ? {} : { wanted: outputRetention };
  return { policy, failed, endedWall: ended?.wall ?? 0, ...wanted };
}

/** Keys of those that are kept no longer, in the order in which they go. `now`: milliseconds since 1970. */
export function outdatedOutputs(all: Iterable<EndedOutput>, limits: OutputRetention, now: number): readonly string[] {
  const gone: string[] = [];
  const shares: Share[] = [];
  for (const outputs of byPolicy(all).values()) {
    const share = shareOf(outputs, limits, now);
    gone.push(...share.gone);
    shares.push(share);
  }
  return [...gone, ...takenFromLargest(shares, limits.hostBytes)];
}

/** What one policy keeps. */
interface Share {
  /** The next to go is the last one: beyond the guaranteed ones first, and of each kind the oldest. */
  readonly kept: EndedOutput[];
  readonly gone: readonly string[];
  /** How many of `kept`, from its front, only the host's bounds can take. */
  readonly guaranteed: number;
  bytes: number;
}

function byPolicy(all: Iterable<EndedOutput>): Map<string, EndedOutput[]> {
  const policies = new Map<string, EndedOutput[]>();
  for (const output of all) {
    const its = policies.get(output.policy);
    if (its === undefined) policies.set(output.policy, [output]);
    else its.push(output);
  }
  return policies;
}

function shareOf(outputs: EndedOutput[], configured: OutputRetention, now: number): Share {
  outputs.sort((a, b) => b.endedWall - a.endedWall || (a.key < b.key ? 1 : -1));
  // A policy is edited while older output of it is there: its newest word counts for all.
  const wanted = outputs[0]?.wanted ?? {};
  const { bytes: policyBytes = configured.policyBytes, ageMs = configured.ageMs } = wanted;
  const guaranteed = guaranteedOf(outputs, wanted, configured.newest, now);
  const kept = [...guaranteed];
  const gone: string[] = [];
  let bytes = bytesOf(guaranteed);
  for (const output of outputs) {
    if (guaranteed.includes(output)) continue;
    const fits = bytes + output.bytes <= policyBytes && kept.length < LIMITS.outputPolicyAttempts;
    // What is older than one that goes, goes too: a history with a hole would read as a whole one.
    if (gone.length === 0 && fits && now - output.endedWall <= ageMs) {
      kept.push(output);
      bytes += output.bytes;
    } else gone.push(output.key);
  }
  return { kept, gone: gone.reverse(), guaranteed: guaranteed.length, bytes };
}

/** The newest ones and the newest failed one; but what the policy itself bounds is bounded for these as well. */
function guaranteedOf(
  outputs: readonly EndedOutput[],
  wanted: PolicyOutputRetention,
  newest: number,
  now: number,
): readonly EndedOutput[] {
  const failed = outputs.find((output) => output.failed);
  let room = wanted.bytes ?? Number.POSITIVE_INFINITY;
  const guaranteed: EndedOutput[] = [];
  for (const [i, output] of outputs.entries()) {
    if (i >= newest && output !== failed) continue;
    if (output.bytes > room || now - output.endedWall > (wanted.ageMs ?? Number.POSITIVE_INFINITY)) continue;
    guaranteed.push(output);
    room -= output.bytes;
  }
  return guaranteed;
}

/** What is guaranteed goes when nothing else is left, and of several that take the same the oldest. */
function takenFromLargest(shares: readonly Share[], hostBytes: number): readonly string[] {
  const gone: string[] = [];
  let bytes = shares.reduce((sum, share) => sum + share.bytes, 0);
  let count = shares.reduce((sum, share) => sum + share.kept.length, 0);
  while (bytes > hostBytes || count > LIMITS.outputHostAttempts) {
    const size = (share: Share): number => (bytes > hostBytes ? share.bytes : share.kept.length);
    const spare = shares.filter(({ kept, guaranteed }) => kept.length > guaranteed);
    const largest = largestOf(spare.length > 0 ? spare : shares, size);
    const output = largest?.kept.pop();
    if (largest === undefined || output === undefined) break;
    gone.push(output.key);
    largest.bytes -= output.bytes;
    bytes -= output.bytes;
    count -= 1;
  }
  return gone;
}

function largestOf(shares: readonly Share[], size: (share: Share) => number): Share | undefined {
  const oldest = ({ kept }: Share): number => kept.at(-1)?.endedWall ?? Number.POSITIVE_INFINITY;
  return shares
    .filter(({ kept }) => kept.length > 0)
    .reduce<Share | undefined>((best, share) => {
      if (best === undefined || size(share) > size(best)) return share;
      return size(share) === size(best) && oldest(share) < oldest(best) ? share : best;
    }, undefined);
}

const bytesOf = (outputs: readonly EndedOutput[]): number => outputs.reduce((sum, { bytes }) => sum + bytes, 0);
