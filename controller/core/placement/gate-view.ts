/** What is known of the gate of a server, for whoever asks; server-gate.ts closes and opens it. */
import type { HostProblem } from '../../../shared/host-problem.ts';
import { HOUR, MINUTE } from '../../../shared/time.ts';
import { type ClusterState, serverLiveOf } from '../cluster/cluster.ts';
import type { Probation } from '../records/gate-record.ts';
import type { Server } from '../records/state.ts';

/** So often MISSING within the window is once too often. */
export const MISSING_MAX = 3;
const QUARANTINE_FIRST_MS = 5 * MINUTE;
const QUARANTINE_MAX_MS = 2 * HOUR;

/** The n-th pause, from 1. */
export const doubled = (firstMs: number, maxMs: number, rounds: number): number =>
  Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(0, rounds - 1), 20));

export const quarantineMs = (rounds: number): number => doubled(QUARANTINE_FIRST_MS, QUARANTINE_MAX_MS, rounds);

export const describe = (problems: readonly HostProblem[]): string =>
  problems.map(({ kind, detail }) => (detail === '' ? kind : `${kind} (${detail})`)).join(', ');

export type GateView =
  | { readonly kind: 'OPEN' }
  | {
      readonly kind: 'PROBATION' | 'QUARANTINED';
      readonly sinceWall: number;
      /** When it opens or is tried again. Undefined: when its agent says so, or is back. */
      readonly untilAge: number | undefined;
      /** What is wrong, and what ends it, in words. */
      readonly why: string;
      readonly wayOut: string;
    };

const WAYS_OUT: Readonly<Record<Probation['phase'], string>> = {
  REPORTED: 'its agent will say when that is over',
  PAUSED: 'after a pause a start is tried',
  TRIAL: 'it is tried with one start at a time',
};

/** PROBATION before QUARANTINED, when it is both. */
export function gateOf({ gate }: Server): GateView {
  const { probation, quarantine, problems } = gate;
  if (probation !== undefined) {
    const why = `it can start nothing: ${describe(problems)}`;
    const wayOut = WAYS_OUT[probation.phase];
    const untilAge = probation.phase === 'PAUSED' ? probation.untilAge : undefined;
    return { kind: 'PROBATION', sinceWall: probation.sinceWall, untilAge, why, wayOut };
  }
  if (quarantine === undefined || quarantine.phase === 'OVER') return { kind: 'OPEN' };
  const minutes = quarantineMs(quarantine.rounds) / MINUTE;
  const why = `it went missing ${MISSING_MAX} times within an hour`;
  const wayOut = `that ends ${minutes} min after its return`;
  const untilAge = quarantine.phase === 'CLOSED' ? quarantine.untilAge : undefined;
  return { kind: 'QUARANTINED', sinceWall: quarantine.sinceWall, untilAge, why, wayOut };
}

/** In the available list, as far as the gate goes: open, or on trial with no start under way. */
export function isGateOpen(state: ClusterState, server: Server): boolean {
  const { probation, quarantine } = server.gate;
  if (quarantine !== undefined && quarantine.phase !== 'OVER') return false;
  if (probation === undefined) return true;
  return probation.phase === 'TRIAL' && !hasStartUnderWay(state, server);
}

/** Behind a closed gate one start at a time is tried: nobody's runs go in a crowd where they are likely to fail. */
export function hasStartUnderWay(state: ClusterState, server: Server): boolean {
  for (const id of serverLiveOf(state, server.id).runs) {
    const attempts = state.runs.get(id)?.attempts ?? [];
    const isUnderWay = attempts.some(
      (attempt) =>
        attempt.server === server.id && (attempt.state.kind === 'ASSIGNED' || attempt.state.kind === 'STARTING'),
    );
    if (isUnderWay) return true;
  }
  return false;
}
