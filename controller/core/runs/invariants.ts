/** The invariants that can be seen from inside, checked at every placement and, in tests and the simulator, on everything. */
import { assert } from '../../../shared/assert.ts';
import type { Now } from '../../../shared/time.ts';
import { ageOf } from '../cluster/age.ts';
import { type ClusterState, serverLiveOf } from '../cluster/cluster.ts';
import {
  effectiveMaxSlots,
  freeSlots,
  isAvailable,
  isUsableBehindGate,
  meetsRequirements,
  usedSlots,
} from '../placement/capacity.ts';
import { eligibleServers } from '../placement/choose.ts';
import { effectiveList } from '../placement/effective-list.ts';
import { isEnded } from '../records/run-state.ts';
import type { Policy, Run, Server } from '../records/state.ts';

/** I7, I8: the chosen server is in the list, has what is required and has room. */
export function checkPlacement(state: ClusterState, policy: Policy, run: Run, server: Server): void {
  const mayTake =
    isAvailable(state, server) || (isUsableBehindGate(state, server) && eligibleServers(state, policy).length === 0);
  assert(mayTake, `I8: ${server.id} is in the available list, or the last resort of ${policy.id}`);
  assert(effectiveList(state, policy).has(server.id), `I8: ${server.id} is in the list of ${policy.id}`);
  assert(meetsRequirements(state, policy, server), `I8: ${server.id} has what ${policy.id} requires`);
  assert(freeSlots(state, server, run) >= run.slots, `I7: ${server.id} has room for ${run.id}`);
}

/** I1, I2 of one run: one standing attempt, and epochs that increase. */
export function checkRun(run: Run): void {
  const standing = run.attempts.filter((attempt) => attempt.state.kind !== 'ENDED' && !attempt.overlapped);
  assert(standing.length <= 1, `I1: ${run.id} has at most one attempt that is not proven ended`);
  for (let i = 1; i < run.attempts.length; i += 1) {
    const older = run.attempts[i - 1];
    const newer = run.attempts[i];
    assert(older !== undefined && newer !== undefined && older.epoch < newer.epoch, `I2: epochs of ${run.id} increase`);
  }
}

/** A wall time that got into an age is a wait that never ends. */
function checkAges(run: Run, age: number): void {
  const past = [run.queueSinceAge, run.passedOverSinceAge, ...run.skips.map(({ lastAge }) => lastAge)];
  assert(Math.max(...past) <= age, `${run.id} waits since an age that the cluster has reached`);
}

/** Everything; costs as much as the state is large. */
export function checkAll(state: ClusterState, now: Now): void {
  const age = ageOf(state, now);
  for (const run of state.runs.values()) {
    checkRun(run);
    checkAges(run, age);
    for (const attempt of run.attempts) {
      assert(attempt.epoch <= state.meta.lastEpoch, `epoch ${attempt.epoch} was given out by the counter`);
      if (attempt.state.kind === 'ENDED') continue;
      assert(serverLiveOf(state, attempt.server).runs.has(run.id), `${attempt.server} knows of ${run.id}`);
      assert(state.attemptLive.has(attempt.epoch), `attempt ${attempt.epoch} has a live part`);
    }
    assert(isEnded(run) || state.policies.has(run.policy), `the policy of ${run.id} exists`);
  }
  for (const server of state.servers.values()) checkServer(state, server);
}

function checkServer(state: ClusterState, server: Server): void {
  const live = serverLiveOf(state, server.id);
  for (const id of live.runs) {
    const run = state.runs.get(id);
    const here = run?.attempts.some((attempt) => attempt.server === server.id && attempt.state.kind !== 'ENDED');
    assert(here === true, `${id} has an unended attempt on ${server.id}`);
  }
  assert(usedSlots(state, server) >= 0 && effectiveMaxSlots(state, server) >= 0, `slots of ${server.id} are counted`);
}
