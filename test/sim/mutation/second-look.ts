/**
 * Watches the table of dependants (controller/core/cluster/dependants.ts): once a step is settled, nothing may be left to do. So everything
 * is looked at once more, and no record may change by it and no event come. What does names a change that forgot somebody. This stands in
 * test code alone: the loader of mutants puts its call into the core that the simulator plays.
 */
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import type { Turn } from '../../../controller/core/cluster/turn.ts';
import type { Run } from '../../../controller/core/records/state.ts';
import { assert } from '../../../shared/assert.ts';

const looking = new WeakSet<Turn>();

export function lookTwice(turn: Turn, settle: (turn: Turn) => void): void {
  const { state } = turn;
  if (looking.has(turn) || state.term === 0 || isTimeUp(turn)) return;
  const before = printOf(state);
  for (const run of state.runs.values()) if (!isLeftAlone(state, run)) turn.lookAtRun(run.id);
  for (const id of state.servers.keys()) turn.lookAtServer(id);
  for (const { id, spec } of state.policies.values()) if (spec.trigger.kind !== 'schedule') turn.lookAtPolicy(id);
  for (const id of state.pools.keys()) turn.lookAtPool(id);
  looking.add(turn);
  settle(turn);
  looking.delete(turn);
  for (const [name, print] of printOf(state)) {
    const was = before.get(name);
    assert(was === print, `nothing is left to do after a step, but ${name} was ${was} and is ${print}`);
  }
}

/** Something is due and its tick is yet to come: a second look would do its work early. */
function isTimeUp(turn: Turn): boolean {
  const { serverWheel, drainWheel, gateWheel, runWheel, poolWheel } = turn;
  const wheels = [serverWheel, drainWheel, gateWheel, runWheel, poolWheel];
  // Ages are whole milliseconds: they may be reached a little before their wheel says so.
  return wheels.some((wheel) => (wheel.nextAt() ?? Number.POSITIVE_INFINITY) <= turn.now.mono + 1);
}

/** A break of a stream changes nothing by itself: a move outlives that of its target, and what is shown of a run that of its server. */
function isLeftAlone(state: ClusterState, { attempts, reservation }: Run): boolean {
  const servers = [...attempts.map(({ server }) => server), ...(reservation === undefined ? [] : [reservation.server])];
  return servers.some((id) => state.serverLive.get(id)?.session?.phase !== 'OPEN');
}

/** What would be another one after a change. Why a run waits may be told in other words meanwhile: only that it waits counts. */
function printOf(state: ClusterState): ReadonlyMap<string, string> {
  const prints = new Map<string, string>();
  for (const { id, state: shown, desired, attempts, reservation, wantedMove } of state.runs.values()) {
    const stand = attempts.map(
      (attempt) => `${attempt.epoch} ${attempt.state.kind} ${attempt.stopReason} ${attempt.overlapped}`,
    );
    prints.set(`runs/${id}`, JSON.stringify([shown.kind, desired, stand, reservation, wantedMove]));
  }
  for (const { id, version } of state.servers.values()) prints.set(`servers/${id}`, String(version));
  for (const { id, version } of state.policies.values()) prints.set(`policies/${id}`, String(version));
  for (const { id, version } of state.pools.values()) prints.set(`pools/${id}`, String(version));
  return prints;
}
