/**
 * Why something happened: the cause of an event. Where the event tells that a run is in a state, its cause is the run's reason; what
 * else can be a cause is here. A word means one thing, wherever it stands.
 */
import { RUN_REASONS, type RunReason, UNKNOWN_WORD } from './run-reason.ts';

const OTHER_CAUSES = {
  // Of the cluster and its store.
  CAMPAIGN: 'This controller won the election.',
  OWN_PAUSE:
    'The controller itself did not run for more than 2 s. Nobody is called missing before agents had time to be heard again.',
  HELLO: 'The Hello of an agent says so.',
  NOT_DELIVERED: 'It could not be told, or did not take it.',
  DELIVERED: 'It took an event.',
  DROPPED: 'The event log had no room for them any more.',
  TURNED_AWAY: 'It answered three times that it will never take this event.',
  // Of pools.
  NEW_ONLY: 'The order was changed for new starts only: nothing that runs is moved.',
  MOVE_NOW: 'The order was changed, and every run whose best server changed moves there.',
  MASS_FAILURE:
    'At least 3 servers and at least half of the pool fell silent within a minute: the network or we are the better guess.',
  CALM: 'For a minute less than half of the pool was silent: takeovers go on.',
  // Of servers.
  HEARTBEAT: 'A heartbeat came in time after all: what runs there runs on.',
  HEARTBEAT_SILENCE: 'No heartbeat came for as long as the timers of its pool say.',
  RETURNED: 'It was away and said Hello: it gets new runs by normal placement.',
  LEAVE: '`locum agent leave` on its host: its runs go elsewhere at once.',
  SHUTDOWN: 'Its host shuts down: its runs go elsewhere at once.',
  AGENT: 'Its agent says so.',
  LOAD: 'CPU or memory of its host went over the high mark, or back under the low one.',
  OTHER_PLACE: 'It answers from another state directory or another machine.',
  NEW_BOOT: 'It answers from another boot of the host.',
  TRIAL: 'The pause after a refusal is over: one start at a time is tried, and the first that succeeds opens the gate.',
  REPORTED: 'Its agent says that a start would succeed again.',
  STARTED: 'A start succeeded.',
  MISSING_AGAIN: 'It went missing three times within an hour.',
  QUARANTINE_OVER: 'Its quarantine is over.',
  NO_SPACE: 'Its disk is full.',
  READ_ONLY: 'A folder that is needed can only be read.',
  IO_ERROR: 'Its storage fails, or stands still.',
  NO_DESCRIPTORS: 'It has no file descriptors left.',
  NO_PROCESSES: 'It can make no more processes.',
  NO_MEMORY: 'It has no memory left.',
  NO_CGROUP: 'It can make no cgroup.',
  OTHER: 'Another problem of the host, which the message names.',
  EMPTY: 'Every attempt there is proven ended.',
  ALL_ENDED: 'Everything that was waited for is proven ended: the record is gone, and the name is free.',
  // Of certificates and join tokens.
  JOIN: 'A server asked for its first certificate, and showed a join token.',
  CREDENTIALS: 'Its certificate or its token does not do.',
  WRAPPING_KEY: 'All controllers have another first key in their file of wrapping keys.',
  TIME_OVER: 'The time for which it was made is over.',
  // Of runs and their attempts.
  CONTINUOUS: 'Its policy is continuous and has fewer runs than it should.',
  SCHEDULE: 'A time of the schedule has come.',
  SCHEDULE_MISSED: 'A time of the schedule was missed, and is made up by one run (`missed: ONCE`).',
  SCHEDULE_WAITED:
    'A time of the schedule came while earlier runs had not ended, and its run has waited for that (`overlap`).',
  MISSED: 'The time came while no controller ran, and `missed: SKIP` leaves it out.',
  TOO_MANY_RUNS: 'Earlier runs of the policy have not ended.',
  CLOCK_WENT_BACK: 'The last time that was noted lies ahead of the clock: the schedule counts from now on.',
  HEALTH_CHECK: 'Its health checks say so.',
  SERVER_LEFT: 'Its server said Goodbye and left it behind.',
  UNHEARD_OF: 'Nothing extends its lease, although an agent answers under the name of its server.',
  PLACED_ELSEWHERE: 'It was placed on another server.',
  TARGET_UNAVAILABLE: 'The target is not available any more.',
  TOO_LATE: 'It did not get there within 5 minutes.',
  STOPPED: 'It was told to stop.',
  OUT_OF_MEMORY:
    'It failed, and the kernel had killed processes of it for want of memory: at its own limit (`resources`), or the host had none left.',
  EXPIRED: 'Its start came too late, or to a session that was over: no process was made.',
  SPAWN_FAILED: 'The program could not be started there. It counts against the restart budget.',
  LOST: 'It is gone without a word of how: its server is lost, was booted, or does not list it.',
  UNKNOWN: 'It is proven ended, and nothing says how.',
} as const satisfies Readonly<Record<string, string>> & { readonly [Told in RunReason]?: never };

/** Each with one sentence for people. */
export const CAUSES = { ...RUN_REASONS, ...OTHER_CAUSES } as const;

export type Cause = RunReason | keyof typeof OTHER_CAUSES;

/** A word that came from outside, as far as it is known. */
export const causeOf = (word: string): Cause => (Object.hasOwn(CAUSES, word) ? (word as Cause) : UNKNOWN_WORD);
