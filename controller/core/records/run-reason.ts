/**
 * Why a run is in the state it is in: one stable word each, and what it means and what follows, for people. The words are kept in the
 * store and shown by the API, so none is ever spelled otherwise or used again for something else. docs/events.md is made from here.
 */

/** What a store holds may have been written by a newer controller, whose word for it this one does not know (docs/adr/0017-words-are-strings.md). */
export const UNKNOWN_WORD = 'UNKNOWN_WORD';

export const RUN_REASONS = {
  NEW: 'It was just created, and looks for its first server.',
  // Why its attempt was made.
  START: 'Its first start, or one after an end that lost it no server.',
  RESTART: 'It ended, or was told to restart, and is started again.',
  RECOVERY: 'It was lost, failed or had to leave its server, and is started on the next one.',
  MOVE: 'Somebody moved it, or a change of the order did: a slot is kept on the target, it stops, and starts there.',
  FAILBACK: 'A better-placed server has been stable for 10 minutes, and the policy fails back by itself (`AUTO`).',
  DRAIN: 'Its server is drained: it goes to another one, as soon as one has room.',
  // What became of it where it was last, and so why it is placed again.
  BACKOFF:
    'It failed on every server that may take it. It is tried again after a pause, or now with `locum run release`.',
  CAPABILITY_LOST: 'Its server no longer has what it requires: it goes to one that has, or waits for one.',
  DRAINED: 'The deadline of a drain stopped it: it is placed again on another server.',
  FAILED_HERE: 'It failed so often on one server that the next one is tried.',
  FAILED_ONCE: 'It failed, and is started on the same server again.',
  HOST_REBOOTED: 'A boot of its host cut it short: it is placed again.',
  LAPSED: 'No leader extended its lease in time, so its host ended it: it is placed again, on its own server first.',
  MOVING: 'It is on its way to the slot that is kept for it.',
  NOT_SENT: 'Its start was never sent: it is placed again.',
  REFUSED: 'The agent refused its start, so no process was made: another server is tried, and this one after a pause.',
  RESTARTING: 'It ended with exit code 0, or was told to restart: it is started again after its delay.',
  RUN_MISSING:
    'Its agent is up and lists everything that runs there, and it is not among that: it is placed again (`on_run_missing`).',
  SERVER_MISSING:
    'Its server is missing: it is placed again once its old attempt has ended for certain; with `OVERLAP` without that.',
  START_EXPIRED: 'Its start reached the agent too late to be safe: it is placed again after a second.',
  START_LOST: 'Its start was lost on the way: it is placed again.',
  START_UNANSWERED:
    'Its start was not answered in time: the attempt is stopped, and the run placed again once that is proven.',
  STOPPED_BY_HOST: 'Its host stopped everything, as at a shutdown: it is placed again.',
  UNHEALTHY:
    'Its health checks failed for too long: the attempt is stopped, and the run placed again once that is proven (`on_run_missing`).',
  // Why it waits.
  NO_ROOM: 'No server that may take it has room now: it is placed as soon as one has.',
  UNSATISFIABLE: 'No registered server could ever take it: change its requirements, its list or the servers.',
  STORE_BEHIND:
    'An agent has seen more than the store knows, so the store is an older copy: nothing starts until an operator has looked.',
  NEW_INCARNATION: 'The store was restored or adopted: nothing starts before what ran earlier is dead for certain.',
  STORM:
    'Half of the pool fell silent at once: takeovers by waiting are held back for at most 5 minutes, or until `locum proceed`.',
  SERVER_REPLACED:
    'What answers under the name of its server is another place or another boot: its old attempt is waited for.',
  HOLD: 'Its server is away and its attempt (`HOLD`) runs on without a lease: only its return, or an operator, proves its end.',
  OVERLAP:
    'Its server is away and its attempt may still run. `OVERLAP` waits for no proof: it is started elsewhere once the server is MISSING.',
  TREE_ALIVE:
    'Its processes can not be killed. Look at the host; as a last resort `locum run release --abandon-attempt`.',
  // Why it stops or has ended.
  OPERATOR: 'An operator asked for it.',
  POLICY_DELETED: 'Its policy is deleted: it is stopped first.',
  MAX_CONCURRENT_RUNS: 'Its policy allows fewer runs now: the newest are stopped.',
  REPLACED: 'The next time of its schedule has come, and its policy wants the newer run (`overlap: REPLACE`).',
  TIME_LIMIT: 'It took longer than its policy allows (`time_limit`): it is stopped, and has failed.',
  DRAIN_DEADLINE: 'The deadline of a drain has come: it is stopped, and placed again on another server.',
  EXITED: 'Its process ended by itself.',
  BUDGET_SPENT: 'It failed on every server that may take it, as often as its policy allows: it is not tried again.',
  [UNKNOWN_WORD]: 'Written by a newer controller, whose word this one does not know. Its message says it.',
} as const satisfies Readonly<Record<string, string>>;

export type RunReason = keyof typeof RUN_REASONS;

/** A word that came from outside, as far as it is known. */
export const runReasonOf = (word: string): RunReason =>
  Object.hasOwn(RUN_REASONS, word) ? (word as RunReason) : UNKNOWN_WORD;
