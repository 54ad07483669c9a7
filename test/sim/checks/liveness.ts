/**
 * I5: when faults have ended and a leader stays, every started run with an eligible server that has room runs, or is shown to wait for
 * a reason that the rules allow. One host that stays sick is no excuse: it counts as if it were not there.
 */
import { ageOf } from '../../../controller/core/cluster/age.ts';
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import { askOf } from '../../../controller/core/placement/choose.ts';
import type { Policy, Run } from '../../../controller/core/records/state.ts';
import { takeoverWaitMs } from '../../../controller/core/records/timers.ts';
import type { ServerId } from '../../../shared/ids.ts';
import type { Tree } from '../tree.ts';
import type { World } from '../world.ts';
import { chooseAtLast } from './naive-placement.ts';
import { overdueTick } from './ticks.ts';

const VOLUNTARY: ReadonlySet<string> = new Set(['MOVE', 'FAILBACK', 'DRAIN']);

/** max(M, W) over all attempts that are not proven ended, by the leader's own clock. */
export function longestWaitMs(state: ClusterState): number {
  const pools = [...state.pools.values()].map(({ timers }) => timers.missingAfterMs);
  const attempts = [...state.runs.values()].flatMap((run) => {
    const missingAfterMs = state.pools.get(run.pool)?.timers.missingAfterMs ?? 0;
    return run.attempts
      .filter((attempt) => attempt.state.kind !== 'ENDED')
      .map(({ terms }) => takeoverWaitMs({ missingAfterMs, ...terms }));
  });
  return Math.max(...pools, ...attempts);
}

/** Something that does not run and should. */
export interface Waiting {
  /** The run, or the policy that has too few. */
  readonly who: string;
  readonly why: string;
}

/** What does not run and should. Empty: all is well. */
export function stillWaiting(world: World): readonly Waiting[] {
  const leader = world.leader();
  if (leader === undefined) return [{ who: 'everything', why: 'nobody leads' }];
  const { state } = leader.term.core;
  const now = leader.controller.clockNow();
  const age = ageOf(state, now);
  const sick = world.sick?.site.host.server;
  const { clocksAgree } = world;
  const found: Waiting[] = [];
  for (const policy of state.policies.values()) {
    if (policy.deleting) continue;
    const runs = [...(state.policyLive.get(policy.id)?.runs ?? [])].flatMap((id) => state.runs.get(id) ?? []);
    const overdue = overdueTick(policy, { wall: now.wall, clocksAgree, read: world.schedules });
    if (overdue !== undefined) found.push({ who: policy.id, why: overdue });
    const wanted = policy.spec.trigger.kind === 'continuous' && !policy.paused ? policy.spec.maxConcurrentRuns : 0;
    // Runs that wind down hold their place until they are proven ended (C3).
    if (runs.length < wanted) found.push({ who: policy.id, why: `it has ${runs.length} of ${wanted} runs` });
    for (const run of runs) {
      if (run.desired !== 'RUNNING' || doesRun(world.trees.living, run)) continue;
      if (mayWait(state, policy, run, age, sick)) continue;
      found.push({ who: run.id, why: `it is ${run.state.kind} (${run.state.reason}: ${run.state.message})` });
    }
  }
  return found;
}

function doesRun(living: ReadonlySet<Tree>, run: Run): boolean {
  const attempt = run.attempts.findLast(({ state }) => state.kind !== 'ENDED');
  if (attempt === undefined || run.state.kind !== 'RUNNING') return false;
  for (const tree of living) if (tree.facts.epoch === attempt.epoch) return true;
  return false;
}

/** The exceptions of I5, each shown with its reason. */
function mayWait(state: ClusterState, policy: Policy, run: Run, age: number, sick: ServerId | undefined): boolean {
  const { query } = askOf(state, policy, run, age);
  const noRoom = (): boolean => {
    // Beside a sick host, a server that lost or refused the run itself may be left out for its five minutes.
    const exclude = sick === undefined ? [] : [sick, ...query.skip];
    return chooseAtLast(state, policy.spec.pool, { ...query, exclude }) === undefined;
  };
  // A policy may insist on the server that lost its run.
  const last = run.attempts.at(-1);
  const staysWithSick = policy.spec.onRunMissing === 'IN_PLACE' && last?.server === sick;
  const isOnSick = run.attempts.findLast((attempt) => attempt.state.kind !== 'ENDED')?.server === sick;
  const { state: stands } = run;
  switch (stands.kind) {
    case 'BACKOFF':
      return run.notBeforeAge > age;
    case 'STUCK':
      return true;
    // It runs, and moves by choice.
    case 'STOPPING':
      return VOLUNTARY.has(stands.reason);
    case 'FENCING':
      return stands.reason === 'HOLD' || stands.reason === 'OVERLAP' || stands.reason === 'STORM';
    case 'QUEUED':
      if (stands.reason === 'NEW_INCARNATION' || stands.reason === 'STORE_BEHIND') return true;
      // It failed where there was room and pauses there as in BACKOFF, with the time shown; nowhere else is room.
      if (stands.reason === 'FAILED_HERE' && stands.etaWall !== undefined) {
        if (run.notBeforeAge > age || chooseAtLast(state, policy.spec.pool, query) === undefined) return true;
      }
      return staysWithSick || noRoom();
    case 'ASSIGNED':
    case 'STARTING':
      return isOnSick && (staysWithSick || noRoom());
    case 'RUNNING':
    case 'SUCCEEDED':
    case 'FAILED':
    case 'STOPPED':
      return false;
  }
}

/** Who waits does so since when, and how often at all, over many looks: nothing may wait for too long at a time, nor most of the time. */
export class Patience {
  #since = new Map<string, number>();
  readonly #times = new Map<string, number>();
  #looks = 0;

  /** Who waits for longer than the bound now. */
  look(waiting: readonly Waiting[], now: number, boundMs: number): readonly Waiting[] {
    this.#looks += 1;
    for (const { who } of waiting) this.#times.set(who, (this.#times.get(who) ?? 0) + 1);
    this.#since = new Map(waiting.map(({ who }) => [who, this.#since.get(who) ?? now]));
    return waiting.filter(({ who }) => now - (this.#since.get(who) ?? now) > boundMs);
  }

  /** Who waited at more than this share of all looks. */
  mostly(share: number): readonly string[] {
    return [...this.#times].filter(([, times]) => times > share * this.#looks).map(([who]) => who);
  }
}
