/**
 * What is not where it should be, as `locum status` shows it: one stable word each, for people with a sentence. A run that waits deviates
 * for its own reason. docs/events.md is made from here.
 */
import type { RunReason } from './run-reason.ts';

/** The worst first, as the status lists them. */
export const DEVIATION_REASONS = {
  STORE_BEHIND: 'Of the cluster. Its store is an older copy: nothing starts until it begins a new incarnation.',
  STORE_REFUSES: 'Of the cluster. Its store takes no writes: no change is acknowledged, and nothing new starts.',
  STORE_SLOW: 'Of the cluster. Its store has not answered a commit for 2 s or more: what changes something waits.',
  STORM:
    'Of a pool. Half of it fell silent at once: takeovers are held back. If the servers are dead: `locum proceed`.',
  SERVER_MISSING: 'Of a server. It is silent for `missing_after`: what it ran goes elsewhere, or waits for a proof.',
  SERVER_PROBATION: 'Of a server. Its host can start nothing: see to the host.',
  SERVER_QUARANTINED: 'Of a server. It went missing three times within an hour: no new runs go there for a while.',
  CONTROLLER_GONE: 'Of a controller. It was one of the cluster, and has not been seen since.',
  AUTHORITY_KEY_MISSING:
    'Of the leader. The key that signs certificates, or the one that opens it, is not there: nothing is renewed, and what runs goes on.',
  CERTIFICATE_ENDS:
    'Of a server, a controller, or the cluster (its authority). Its certificate is past five sixths of its life and was not renewed: when it ends, its holder is not let in any more.',
  RESTARTS_ENDLESSLY: 'Of a policy. A run of it ended by itself five times or more within 10 minutes.',
  LAST_RUN_FAILED: 'Of a policy. Its newest ended run failed.',
  TICKS_SKIPPED: 'Of a policy. Times of its schedule were left out, since a run has not ended.',
  UNHEALTHY:
    'Of a run. It has a process, and its health checks fail: if that lasts, it is stopped and placed again. As the reason of a run that waits: it was stopped for that.',
  CAPABILITY_LOST:
    'Of a run. Its server does not have what it requires, since the server lost it or the policy was changed. It runs on; after a minute it moves, if another server that has it has room.',
  SERVER_SUSPECT: 'Of a server. It is silent for `suspect_after`: no new runs go there, and nothing moves yet.',
  SERVER_DISCONNECTED:
    'Of a server. Its stream has ended, and for more than a heartbeat interval no other one has come; nothing follows until `suspect_after`.',
  BEFORE_RESTORE: 'Of a server. It may hold work of before a restore: `HOLD` policies of its pool wait for its word.',
  DRAIN_BLOCKED: 'Of a server. A run that should leave it has no room elsewhere.',
  FOLLOWER_BEHIND:
    'Of a controller. Its copy of the store has not been whole for 10 s or more: it would take longer to lead, and what it answers by itself is old.',
  FOLLOWER_SILENT: 'Of a controller. It is there, and has not told the leader for 10 s or more how far its copy is.',
  AUTHORITY_ROTATION:
    'Of the cluster. A change of its certificate authority is not finished: `locum pki status` says who is behind.',
  HOOK_NOT_CONFIGURED:
    'Of a hook. The leader does not have it in its configuration, so nobody is told: configure it, or `locum hook forget`.',
  HOOK_FAILING: 'Of a hook. It takes no events: they wait for it, as long as the event log has room.',
  AUDIT_BEHIND: 'Of the leader. The file or the syslog receiver that the audit is sent to takes nothing: entries wait.',
  PROBE_FAILING: 'Of a server. A probe of its agent fails or takes too long: what it would tell is not known now.',
  SERVER_SATURATED: 'Of a server. Its load is over the high mark: no new runs go there.',
  OVER_CAPACITY:
    'Of a server. More slots are used than its limit has, since the limit was lowered: nothing is stopped for it.',
} as const satisfies Readonly<Record<string, string>>;

export type DeviationReason = keyof typeof DEVIATION_REASONS | RunReason;
