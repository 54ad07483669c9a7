/** Runs that are not where they should be, and policies whose runs come to nothing. */
import type { EndCause } from '../../shared/protocol/attempt.ts';
import { type Now, SECOND } from '../../shared/time.ts';
import { ageOf, wallAtAge } from './cluster/age.ts';
import type { ClusterState } from './cluster/cluster.ts';
import { runsIn } from './cluster/run-lists.ts';
import type { Deviation } from './deviation.ts';
import type { LastEvents } from './last-events.ts';
import { endOf } from './records/attempt-state.ts';
import type { KnownEvent } from './records/event-type.ts';
import type { RunReason } from './records/run-reason.ts';
import { endOfRun, etaOf, isEnded } from './records/run-state.ts';
import type { Run } from './records/state.ts';
import { currentAttempt } from './runs/attempt.ts';
import { type CapabilityLoss, lossOf } from './runs/capability-loss.ts';
import { unhealthyUntilAge } from './runs/health.ts';
import { failingSinceWall, howEnded, type PolicyTrouble, policyTroubles } from './runs/policy-trouble.ts';

/** Of runs first, by the order of their policies. */
export function runDeviations(state: ClusterState, now: Now, since: LastEvents): readonly Deviation[] {
  const troubles = policyTroubles(state, ageOf(state, now));
  const told = new Set(troubles.filter(({ reason }) => reason === 'RESTARTS_ENDLESSLY').map(({ run }) => run.id));
  const runs = [...state.policyLive.values()].flatMap((live) => [...runsIn(state, live.runs)]);
  return [
    // One cause, one line: what ends over and over again waits for its next start nearly all the time.
    ...runs
      .filter((run) => !(told.has(run.id) && cameToNothing(run)))
      .flatMap((run) => runDeviation(state, run, now, since)),
    ...troubles.map((trouble) => policyDeviation(state, trouble)),
  ];
}

function runDeviation(state: ClusterState, run: Run, now: Now, since: LastEvents): readonly Deviation[] {
  const { kind, reason, message } = run.state;
  const resource = `runs/${run.id}`;
  if (isEnded(run)) return [];
  if (kind === 'RUNNING') {
    const unhealthy = unhealthyDeviation(state, run, now);
    if (unhealthy !== undefined) return [unhealthy];
    const loss = lossOf(state, run);
    return loss === undefined ? [] : [lossDeviation(run, loss, now, since)];
  }
  const etaWall = etaOf(run);
  if (cameToNothing(run)) {
    const last = run.attempts.at(-1);
    const how = last === undefined ? '' : `; its last attempt ended on ${last.server} with ${howEnded(last)}`;
    const sinceWall = failingSinceWall(run) ?? run.queueSinceWall;
    return [{ resource, reason, message: `${message}${how}`, sinceWall, etaWall, command: whatItSaid(state, run) }];
  }
  if (kind === 'QUEUED') {
    const command = `locum policy explain ${run.policy}`;
    return [{ resource, reason, message, sinceWall: run.queueSinceWall, etaWall, command }];
  }
  const event = SINCE[kind];
  if (event === undefined) return [];
  const sinceWall = since.of(event, run.id);
  return [{ resource, reason, message, sinceWall, etaWall, command: `locum run show ${run.id}` }];
}

/** The events that tell of a state in which a run is not where it should be. */
const SINCE: Readonly<Partial<Record<Run['state']['kind'], KnownEvent>>> = {
  FENCING: 'RUN_FENCING',
  STUCK: 'RUN_STUCK',
};

const NOTHING_CAME_OF_IT: readonly RunReason[] = ['FAILED_ONCE', 'FAILED_HERE', 'REFUSED'];

/** It waits for its next start, for no other reason than how the last one ended. */
const cameToNothing = ({ state: { kind, reason } }: Run): boolean =>
  kind === 'BACKOFF' || (kind === 'QUEUED' && NOTHING_CAME_OF_IT.includes(reason));

const NO_PROCESS: readonly EndCause[] = ['SPAWN_FAILED', 'REFUSED', 'EXPIRED'];

/** Output tells most, where there is any and its server can be asked. */
function whatItSaid(state: ClusterState, { id, attempts }: Run): string {
  const last = attempts.at(-1);
  const cause = last && endOf(last)?.cause;
  const hadProcess = last !== undefined && !(cause !== undefined && NO_PROCESS.includes(cause));
  const isThere = last !== undefined && state.servers.get(last.server)?.liveness === 'ALIVE';
  return `locum run ${hadProcess && isThere ? 'logs' : 'show'} ${id}`;
}

/** It has a process, and does not do its work. */
function unhealthyDeviation(state: ClusterState, run: Run, now: Now): Deviation | undefined {
  const attempt = currentAttempt(run);
  const untilAge = attempt && unhealthyUntilAge(state, run, attempt);
  if (attempt === undefined || untilAge === undefined) return undefined;
  const { detail = '', sinceWall } = attempt.health ?? {};
  return {
    ...{ resource: `runs/${run.id}`, reason: 'UNHEALTHY', command: `locum run show ${run.id}` },
    message: `unhealthy on ${attempt.server}: ${detail}; if that lasts, it is stopped and placed again`,
    sinceWall,
    etaWall: wallAtAge(state, now, untilAge),
  };
}

/** It runs where it should not be, for lack of what it requires. */
function lossDeviation(
  run: Run,
  { server, lack, whyItStays, sinceMono, confirmedMono }: CapabilityLoss,
  now: Now,
  since: LastEvents,
): Deviation {
  const noticedWall = now.wall - (now.mono - sinceMono);
  // What a leader finds when it begins is older: the events may know since when. The two clocks are read to the millisecond.
  const before = (wall: number | undefined): number => (wall !== undefined && wall < noticedWall + SECOND ? wall : 0);
  const editedWall = before(since.of('POLICY_UPDATED', run.policy));
  const lostWall = before(since.of('SERVER_CAPABILITIES_CHANGED', server));
  const cause = editedWall > Math.max(lostWall, noticedWall - SECOND) ? `, since ${run.policy} was changed` : '';
  const next = whyItStays ?? 'if that lasts for a minute, it has to leave';
  return {
    ...{ resource: `runs/${run.id}`, reason: 'CAPABILITY_LOST', command: `locum policy explain ${run.policy}` },
    message: `runs on ${server}, which ${lack}${cause}; ${next}`,
    sinceWall: Math.max(editedWall, lostWall) || noticedWall,
    etaWall: whyItStays === undefined ? now.wall + confirmedMono - now.mono : undefined,
  };
}

function policyDeviation(state: ClusterState, { policy, run, reason, message }: PolicyTrouble): Deviation {
  const resource = `policies/${policy.id}`;
  const etaWall = undefined;
  switch (reason) {
    case 'TICKS_SKIPPED':
      return { resource, reason, message, etaWall, sinceWall: run.createWall, command: `locum run show ${run.id}` };
    case 'LAST_RUN_FAILED': {
      const sinceWall = endOfRun(run)?.endWall;
      return { resource, reason, message, etaWall, sinceWall, command: whatItSaid(state, run) };
    }
    case 'RESTARTS_ENDLESSLY': {
      const sinceWall = failingSinceWall(run);
      return { resource, reason, message, etaWall, sinceWall, command: whatItSaid(state, run) };
    }
  }
}
