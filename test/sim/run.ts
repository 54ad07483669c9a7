/** Plays one seed: a safe beginning, a time of faults, then heal and require that everything runs again. */
import { checkAll } from '../../controller/core/runs/invariants.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { checkAcknowledged } from './checks/acknowledged.ts';
import { checkAudit } from './checks/audit.ts';
import { checkDenials } from './checks/denials.ts';
import { longestWaitMs, Patience, stillWaiting, type Waiting } from './checks/liveness.ts';
import { Faults } from './faults/faults.ts';
import { Intentions } from './intentions.ts';
import { type Plan, planOf } from './plan.ts';
import type { Invariant, Violation } from './violation.ts';
import { World } from './world.ts';

export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Simulated time. */
  readonly simulatedMs: number;
  readonly steps: number;
  /** Trees that were started. */
  readonly starts: number;
  /** Empty unless asked for. */
  readonly trace: string;
}

export interface RunOptions {
  /** Newest lines of the story to keep. Default 0. */
  readonly traceLines?: number;
  /** Go on after a violation until I1, I2 or I3 is broken: what else it leads to. Default false. */
  readonly goOn?: boolean;
  /** Changes the plan of the seed, for tests. */
  readonly change?: (plan: Plan) => Plan;
}

const WARM_UP_MS = 20 * SECOND;
/** For elections, and for operators to be answered. */
const SETTLE_MS = 15 * SECOND;
/** I5: so much more than max(M, W). */
const SLACK_MS = 5 * SECOND;
/** How long the others are watched beside a host that stays sick, and how much more time a run has then: it may be tried there first. */
const SICK_MS = 4 * MINUTE;
const SICK_SLACK_MS = 40 * SECOND;
/** Where nothing may wait for long, this share of the time is a run that is tried in vain over and over. */
const MOST_OF_THE_TIME = 0.6;
/** Time to join anew, and to find the leader; another one of the same name may be in the way for its lease. */
const BACK_MS = 90 * SECOND;
const LOOK_EVERY_MS = 2 * SECOND;
/** A world that needs more than this many steps does not come to rest: something is done over and over without a pause. */
const MOST_STEPS = 100_000;
/** In a world of this many servers; in larger ones, that many for each of their servers. */
const USUAL_SERVERS = 4;

const GRAVE: ReadonlySet<Invariant> = new Set<Invariant>(['I1', 'I2', 'I3']);
const isGrave = (found: readonly Violation[]): boolean => found.some(({ invariant }) => GRAVE.has(invariant));

export function runSeed(seed: number, options: RunOptions = {}): SeedResult {
  const { traceLines = 0, goOn = false, change = (plan) => plan } = options;
  const world = new World(change(planOf(seed)), traceLines);
  const { queue, verdict } = world;
  const { sickness } = world.plan;
  const mostSteps = MOST_STEPS * Math.max(1, world.plan.servers / USUAL_SERVERS);
  const isOver = (): boolean => (goOn ? isGrave(verdict.found) : verdict.found.length > 0) || queue.steps > mostSteps;
  verdict.onViolation = ({ invariant, message }) => world.say('VIOLATION', () => `${invariant}: ${message}`);
  world.say('plan', () => JSON.stringify({ ...world.plan, faults: [...world.plan.faults] }));
  const intentions = new Intentions(world);
  const faults = new Faults(world, intentions);
  world.begin();
  intentions.begin();
  queue.after(WARM_UP_MS, () => {
    faults.begin();
    world.certificates?.beginFaults();
  });
  if (sickness !== undefined) queue.after(WARM_UP_MS + sickness.fromMs, () => world.fallSick(sickness.kind));
  queue.runUntil(WARM_UP_MS + world.plan.faultMs, isOver);
  if (world.sick !== undefined && !isOver()) livesWithSick(world, intentions, isOver);
  world.cure();
  if (!isOver()) requireLiveness(world, intentions, isOver);
  if (queue.steps > mostSteps) verdict.breaks('I5', queue.now, 'something happens over and over without a pause');
  return {
    seed,
    violations: verdict.found,
    simulatedMs: queue.now,
    steps: queue.steps,
    starts: world.trees.starts,
    trace: world.trace.text(),
  };
}

/** One host is as sick as before, and everything else is well: nothing that could run elsewhere waits for it. */
function livesWithSick(world: World, intentions: Intentions, isOver: () => boolean): void {
  const { queue, verdict } = world;
  if (!settle(world, intentions, isOver)) return;
  const until = queue.now + SICK_MS;
  const patience = new Patience();
  while (queue.now < until && !isOver()) {
    queue.runUntil(Math.min(until, queue.now + LOOK_EVERY_MS), isOver);
    const boundMs = boundOf(world) + SICK_SLACK_MS;
    const late = patience.look(stillWaiting(world), queue.now, boundMs);
    if (late.length === 0 || isOver()) continue;
    verdict.breaks('I5', queue.now, `beside a sick host, after ${Math.round(boundMs / 1000)} s: ${tell(late)}`);
  }
  const mostly = patience.mostly(MOST_OF_THE_TIME);
  if (mostly.length === 0 || isOver()) return;
  verdict.breaks('I5', queue.now, `beside a sick host, ${mostly.join(', ')} did not run most of the time`);
}

/** Everything is well: it must run soon, all at the same time. */
function requireLiveness(world: World, intentions: Intentions, isOver: () => boolean): void {
  const { queue, verdict } = world;
  if (!settle(world, intentions, isOver)) return;
  const boundMs = boundOf(world);
  const until = queue.now + boundMs;
  let waiting = stillWaiting(world);
  while (queue.now < until && !isOver() && waiting.length > 0) {
    queue.runUntil(Math.min(until, queue.now + LOOK_EVERY_MS), isOver);
    waiting = stillWaiting(world);
  }
  if (isOver()) return;
  if (waiting.length > 0) verdict.breaks('I5', queue.now, `after ${Math.round(boundMs / 1000)} s: ${tell(waiting)}`);
  requireEverybody(world, isOver);
  finish(world, intentions);
}

/** Whoever was locked out has joined anew, and is connected. */
function requireEverybody(world: World, isOver: () => boolean): void {
  const { queue, verdict, certificates } = world;
  if (certificates === undefined) return;
  const until = queue.now + BACK_MS;
  let outside = certificates.people.outside();
  while (queue.now < until && !isOver() && outside.length > 0) {
    queue.runUntil(Math.min(until, queue.now + LOOK_EVERY_MS), isOver);
    outside = certificates.people.outside();
  }
  if (outside.length > 0 && !isOver())
    verdict.breaks(
      'IDENTITY',
      queue.now,
      `everything is well for ${BACK_MS / 1000} s, and not in: ${outside.join('; ')}`,
    );
}

/** Heals the world and gives it a moment. False: it is over, or nobody leads. */
function settle(world: World, intentions: Intentions, isOver: () => boolean): boolean {
  const { queue, verdict } = world;
  world.heal();
  queue.runUntil(queue.now + 3 * SECOND, isOver);
  intentions.tidyUp();
  queue.runUntil(queue.now + SETTLE_MS, isOver);
  if (isOver()) return false;
  if (world.leader() === undefined) verdict.breaks('I5', queue.now, 'nobody leads, and nothing is wrong any more');
  return world.leader() !== undefined;
}

/** How long something may wait: max(M, W) by the leader's clock, and a little more. */
function boundOf(world: World): number {
  const leader = world.leader();
  if (leader === undefined) return SETTLE_MS;
  return longestWaitMs(leader.term.core.state) / leader.controller.clockRate + SLACK_MS;
}

const tell = (waiting: readonly Waiting[]): string => waiting.map(({ who, why }) => `${who}: ${why}`).join('; ');

function finish(world: World, intentions: Intentions): void {
  const leader = world.leader();
  const { verdict, queue } = world;
  if (leader === undefined) return;
  const { state } = leader.term.core;
  try {
    checkAll(state, leader.controller.clockNow());
  } catch (error) {
    world.failed(leader.controller.name, error);
  }
  const complaints = [...checkAcknowledged(world, intentions, state), ...checkAudit(world, state)];
  for (const complaint of complaints) verdict.breaks('I10', queue.now, complaint);
  for (const complaint of checkDenials(world, state)) verdict.breaks('IDENTITY', queue.now, complaint);
}
