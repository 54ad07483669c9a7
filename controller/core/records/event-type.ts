/**
 * What the event log tells: one stable word for each kind of event, what it means and what follows, who makes it happen, and the causes
 * that it comes with. The journal takes no other pair of type and cause; for the events that tell a state of a run it takes each reason of
 * a run, and the transcripts and the simulator hold the pairs. docs/events.md is made from here.
 */
import { HOST_PROBLEM_KINDS } from '../../../shared/host-problem.ts';
import { ENROLMENT_EVENTS } from './enrolment-events.ts';
import type { Cause } from './event-cause.ts';
import { byAgent, byController, byOperator, type EventRow } from './event-row.ts';
import type { UNKNOWN_WORD } from './run-reason.ts';
import { REASONS_IN } from './run-state.ts';

const ATTEMPT_CAUSES = ['START', 'RESTART', 'RECOVERY', 'MOVE', 'FAILBACK', 'DRAIN'] as const;

const CLUSTER_EVENTS = {
  LEADER_ELECTED: {
    says: 'A controller leads from here on. What runs is adopted as its agents return; nothing is stopped or moved for it.',
    ...byController,
    causes: ['CAMPAIGN'],
  },
  CONTROLLER_PAUSED: {
    says: 'The leader stood still. It listens for one heartbeat interval before it calls anybody missing.',
    ...byController,
    causes: ['OWN_PAUSE'],
  },
  STORE_DOUBTED: {
    says: 'A server that the store does not know, at that place, has seen more than the store. Starts wait for what leases of before this leader could live; those of HOLD policies for an operator.',
    ...byController,
    causes: ['HELLO'],
  },
  STORE_BEHIND: {
    says: 'The store is an older copy. Nothing starts until it begins a new incarnation: save a snapshot, stop the controllers, restore it.',
    ...byController,
    causes: ['HELLO'],
  },
  HOOK_FAILING: {
    says: 'A hook has not taken an event for three tries: those that it wants wait for it in the event log.',
    ...byController,
    causes: ['NOT_DELIVERED'],
  },
  HOOK_DELIVERS: {
    says: 'A hook that took nothing takes events again, from where it was.',
    ...byController,
    causes: ['DELIVERED'],
  },
  HOOK_EVENTS_LOST: {
    says: 'A hook is not told of some events: they were dropped to make room while it took none, or it will not have one of them.',
    ...byController,
    causes: ['DROPPED', 'TURNED_AWAY'],
  },
  HOOK_FORGOTTEN: { says: 'It is forgotten how far a hook is that is not configured any more.', ...byOperator },
} as const satisfies Readonly<Record<string, EventRow>>;

const ACCESS_EVENTS = {
  ROLE_SET: { says: 'A role was created, or changed for all who have it.', ...byOperator },
  ROLE_DELETED: { says: 'A role that nobody had was deleted.', ...byOperator },
  TOKEN_CREATED: { says: 'A token was made. What proves it was shown once.', ...byOperator },
  TOKEN_REVOKED: { says: 'A token proves nothing any more; streams that it opened end within seconds.', ...byOperator },
  USER_SET: { says: 'A user was given roles, in place of those that he had.', ...byOperator },
  USER_DELETED: { says: 'A user has no roles any more.', ...byOperator },
} as const satisfies Readonly<Record<string, EventRow>>;

const POOL_EVENTS = {
  POOL_CREATED: { says: 'A pool was created.', ...byOperator },
  POOL_UPDATED: {
    says: 'Timers or defaults of a pool were changed. Attempts keep the terms that they were started with.',
    ...byOperator,
  },
  POOL_DELETED: { says: 'An empty pool was deleted.', ...byOperator },
  ORDER_CHANGED: {
    says: 'The order of the servers is a new one. What moves for it is told run by run.',
    actors: ['operator'],
    causes: ['NEW_ONLY', 'MOVE_NOW'],
  },
  STORM_BEGAN: {
    says: 'The mass-failure brake: takeovers by waiting are held back for at most 5 minutes. If the servers are dead: `locum proceed`.',
    ...byController,
    causes: ['MASS_FAILURE'],
  },
  STORM_ENDED: {
    says: 'The brake is off, and takeovers go on. It does not begin again for 15 minutes.',
    actors: ['controller', 'operator'],
    causes: ['CALM', 'OPERATOR'],
  },
} as const satisfies Readonly<Record<string, EventRow>>;

const SERVER_EVENTS = {
  SERVER_REGISTERED: {
    says: 'A new server: the first of its pool is the primary, every later one is the last standby.',
    ...byAgent,
    causes: ['HELLO'],
  },
  SERVER_ALIVE: {
    says: 'It is heard again.',
    actors: ['agent', 'controller'],
    causes: ['HEARTBEAT', 'RETURNED'],
  },
  SERVER_SUSPECT: {
    says: 'Silent for `suspect_after`: no new runs go there, and nothing moves yet.',
    ...byController,
    causes: ['HEARTBEAT_SILENCE'],
  },
  SERVER_MISSING: {
    says: 'Silent for `missing_after`: what it ran goes elsewhere, once each attempt has ended for certain.',
    ...byController,
    causes: ['HEARTBEAT_SILENCE'],
  },
  SERVER_LEFT: {
    says: 'Its agent said Goodbye: nothing was lost, and its runs move at once.',
    ...byAgent,
    causes: ['LEAVE', 'SHUTDOWN'],
  },
  SERVER_IDENTITY_CHANGED: {
    says: 'It came back from another state directory, machine or boot. That says nothing about what ran in the former one.',
    ...byAgent,
    causes: ['HELLO'],
  },
  DUPLICATE_IDENTITY: {
    says: 'A second agent says that it is this server. It is refused while the lease of the first one can live: give one of them another id.',
    ...byAgent,
    causes: ['OTHER_PLACE', 'NEW_BOOT'],
  },
  SERVER_CAPABILITIES_CHANGED: {
    says: 'It has gained or lost capabilities. What requires a lost one moves after a minute, if its policy says so.',
    ...byAgent,
    causes: ['AGENT'],
  },
  SERVER_PROBE_FAILING: { says: 'A probe of its agent fails: its facts are gone.', ...byAgent, causes: ['AGENT'] },
  SERVER_PROBE_ANSWERS: { says: 'A probe answers again, or is gone itself.', ...byAgent, causes: ['AGENT'] },
  SERVER_SATURATED: { says: 'Its load is over the high mark: no new runs go there.', ...byAgent, causes: ['LOAD'] },
  SERVER_UNSATURATED: { says: 'Its load is under the low mark again.', ...byAgent, causes: ['LOAD'] },
  SERVER_PROBATION: {
    says: 'Its host can start nothing: it gets no new runs, except for policies that have no other server. What runs there runs on.',
    actors: ['agent', 'controller'],
    causes: [...HOST_PROBLEM_KINDS, 'TRIAL'],
  },
  SERVER_QUARANTINED: {
    says: 'It comes and goes: from its return on it gets no new runs for a while, except for policies that have no other server.',
    ...byController,
    causes: ['MISSING_AGAIN'],
  },
  SERVER_GATE_OPENED: {
    says: 'It takes new runs again.',
    actors: ['agent', 'controller'],
    causes: ['REPORTED', 'STARTED', 'QUARANTINE_OVER'],
  },
  SERVER_UPDATED: { says: 'Its limit or labels were changed.', ...byOperator },
  SERVER_CORDONED: { says: 'It takes no new runs; what runs there runs on.', ...byOperator },
  SERVER_DRAINING: { says: 'Its runs move away one by one, each with a slot kept elsewhere.', ...byOperator },
  SERVER_ACTIVE: { says: 'It is no longer cordoned or drained, and takes runs again.', ...byOperator },
  SERVER_DRAINED: {
    says: 'A drain is complete: nothing of ours runs there any more.',
    ...byController,
    causes: ['EMPTY'],
  },
  SERVER_CONFIRMED_DEAD: {
    says: 'An operator says that the host is dead. That is the proof for all its attempts, and they are placed again at once.',
    ...byOperator,
  },
  SERVER_DELETING: { says: 'It is deleted once all its attempts are proven ended.', ...byOperator },
  SERVER_DELETED: {
    says: 'It is gone from the cluster and from the order.',
    actors: ['controller', 'operator'],
    causes: ['ALL_ENDED'],
  },
} as const satisfies Readonly<Record<string, EventRow>>;

const POLICY_EVENTS = {
  POLICY_CREATED: { says: 'A policy was created.', ...byOperator },
  POLICY_UPDATED: { says: 'A policy was changed. What runs keeps its terms until its next attempt.', ...byOperator },
  POLICY_PAUSED: { says: 'It starts no new runs; what runs goes on.', ...byOperator },
  POLICY_RESUMED: { says: 'It starts runs again.', ...byOperator },
  POLICY_STOPPED: { says: 'All its runs are told to stop. A continuous one is paused with that.', ...byOperator },
  POLICY_RESTARTED: { says: 'Each of its runs is stopped, and started again as a new attempt.', ...byOperator },
  POLICY_DELETING: { says: 'It is deleted once all its runs are proven ended.', ...byOperator },
  POLICY_DELETED: {
    says: 'It is gone, and its name is free.',
    actors: ['controller', 'operator'],
    causes: ['ALL_ENDED'],
  },
  SCHEDULE_SKIPPED: {
    says: 'A time of the schedule makes no run.',
    ...byController,
    causes: ['MISSED', 'TOO_MANY_RUNS'],
  },
  SCHEDULE_WAITS: {
    says: 'A time of the schedule waits for the end of an earlier run (`overlap`): one run is started then.',
    ...byController,
    causes: ['TOO_MANY_RUNS'],
  },
  SCHEDULE_RESET: {
    says: 'The last time of the schedule was noted by a clock that was wrong, and is forgotten: else the schedule would stand still.',
    ...byController,
    causes: ['CLOCK_WENT_BACK'],
  },
} as const satisfies Readonly<Record<string, EventRow>>;

const RUN_EVENTS = {
  RUN_CREATED: {
    says: 'A policy has a new run.',
    actors: ['controller', 'operator'],
    causes: ['CONTINUOUS', 'OPERATOR', 'SCHEDULE', 'SCHEDULE_MISSED', 'SCHEDULE_WAITED'],
  },
  RUN_QUEUED: { says: 'It waits for a server.', ...byController, causes: REASONS_IN.QUEUED },
  RUN_ASSIGNED: {
    says: 'It goes to a server as a new attempt with the next epoch. Its start is sent once that is durable.',
    ...byController,
    causes: ATTEMPT_CAUSES,
  },
  RUN_RUNNING: { says: 'Its process runs.', ...byController, causes: REASONS_IN.RUNNING },
  RUN_HEALTHY: {
    says: 'A health check succeeded, for the first time or after it was unhealthy.',
    ...byAgent,
    causes: ['HEALTH_CHECK'],
  },
  RUN_UNHEALTHY: {
    says: 'So many health checks failed, one after the other, as its policy says. If that lasts for `missing_after`, it is stopped and placed again.',
    ...byAgent,
    causes: ['HEALTH_CHECK'],
  },
  RUN_STOPPING: {
    says: 'An attempt is told to stop: SIGTERM, and SIGKILL to the whole tree after its `stop_timeout`.',
    actors: ['controller', 'operator'],
    causes: REASONS_IN.STOPPING,
  },
  ATTEMPT_ENDED: {
    says: 'An attempt has ended, and the details say what proves it. What follows for the run is told by the next event.',
    actors: ['agent', 'controller', 'operator'],
    causes: ['EXITED', 'OUT_OF_MEMORY', 'STOPPED', 'LAPSED', 'REFUSED', 'EXPIRED', 'SPAWN_FAILED', 'LOST', 'UNKNOWN'],
  },
  RUN_FENCING: {
    says: 'Its server is away. It is placed again only when its attempt has ended for certain; the message says when or by what.',
    ...byController,
    causes: REASONS_IN.FENCING,
  },
  RUN_STUCK: {
    says: 'Its processes can not be killed, so it is not started elsewhere.',
    ...byController,
    causes: REASONS_IN.STUCK,
  },
  RUN_BACKOFF: {
    says: 'It waits before its list is tried from the top again.',
    ...byController,
    causes: REASONS_IN.BACKOFF,
  },
  RUN_OVERLAPPING: {
    says: 'It may be started again although its old attempt may still run (`OVERLAP`). The old one is stopped when it is heard of.',
    ...byController,
    causes: ['SERVER_MISSING', 'SERVER_LEFT', 'UNHEARD_OF'],
  },
  RUN_MOVE_RESERVED: {
    says: 'It moves: a slot is kept on the target, then the attempt is stopped, and started there.',
    actors: ['controller', 'operator'],
    causes: ['MOVE', 'FAILBACK', 'DRAIN'],
  },
  RUN_MOVE_ABANDONED: {
    says: 'A move is off. If the run was stopped for it, it is placed again.',
    ...byController,
    causes: ['PLACED_ELSEWHERE', 'TARGET_UNAVAILABLE', 'TOO_LATE', 'TREE_ALIVE'],
  },
  RUN_STOP_REQUESTED: {
    says: 'It is wanted no more, and ends once its last attempt is proven ended.',
    actors: ['operator', 'controller'],
    causes: ['OPERATOR', 'POLICY_DELETED', 'MAX_CONCURRENT_RUNS', 'REPLACED', 'TIME_LIMIT'],
  },
  RUN_RELEASED: { says: 'It is tried again now, without waiting for the end of its pause.', ...byOperator },
  RUN_ABANDONED: {
    says: 'An operator gives up an attempt whose end can not be proven. It may still run; the run is placed again.',
    ...byOperator,
  },
  RUN_SUCCEEDED: { says: 'It ended by itself with exit code 0.', ...byController, causes: REASONS_IN.SUCCEEDED },
  RUN_FAILED: { says: 'It failed, and no restart is left.', ...byController, causes: REASONS_IN.FAILED },
  RUN_STOPPED: { says: 'It ended because it was told to.', ...byController, causes: REASONS_IN.STOPPED },
} as const satisfies Readonly<Record<string, EventRow>>;

/** By what they are about, as docs/events.md shows them. */
export const EVENT_SUBJECTS: Readonly<Record<string, Readonly<Record<string, EventRow>>>> = {
  'The cluster': CLUSTER_EVENTS,
  Access: ACCESS_EVENTS,
  Pools: POOL_EVENTS,
  Servers: SERVER_EVENTS,
  'Certificates and join tokens': ENROLMENT_EVENTS,
  'Policies and their schedules': POLICY_EVENTS,
  'Runs and their attempts': RUN_EVENTS,
};

export const EVENT_TYPES = {
  ...CLUSTER_EVENTS,
  ...ACCESS_EVENTS,
  ...POOL_EVENTS,
  ...SERVER_EVENTS,
  ...ENROLMENT_EVENTS,
  ...POLICY_EVENTS,
  ...RUN_EVENTS,
} as const;

export type EventType = keyof typeof EVENT_TYPES;

/** What can cause an event of a type. */
export type CauseOf<T extends EventType> = (typeof EVENT_TYPES)[T]['causes'][number];

/** Types of the events that a cause can have. */
export type EventCausedBy<C extends Cause> = {
  [T in EventType]: C extends CauseOf<T> ? T : never;
}[EventType];

/** As a store has them: of a newer controller there may be some that this one does not know. */
export type KnownEvent = EventType | typeof UNKNOWN_WORD;

/** Undefined: this controller knows no events of that type. */
export const eventTypeOf = (word: string): EventType | undefined =>
  Object.hasOwn(EVENT_TYPES, word) ? (word as EventType) : undefined;
