import type { Epoch, RunId, ServerId, SessionId, Uid } from '../../../shared/ids.ts';
import type { AttemptRef } from '../../../shared/protocol/attempt.ts';
import type { PlainMessage, StartCommand, Verdict } from '../../../shared/protocol/leader-message.ts';
import type { Workload } from '../../../shared/protocol/workload.ts';
import type { ConnId, StopReason } from '../records/state.ts';

/** A command that waits until its commit is durable, its term checked and its turn come. */
export interface Waiting {
  readonly needCommit: number;
  readonly needCheck: number;
  readonly command:
    | { readonly kind: 'start'; readonly run: RunId; readonly epoch: Epoch; readonly message: StartMessage }
    | { readonly kind: 'stop'; readonly run: RunId; readonly epoch: Epoch; readonly reason: StopReason }
    | { readonly kind: 'ack'; readonly run: RunId; readonly epoch: Epoch }
    | { readonly kind: 'verdicts'; readonly verdicts: readonly Verdict[] }
    | { readonly kind: 'plain'; readonly message: PlainMessage };
}

/** A start without what is known only when it is handed over. */
export type StartMessage = Omit<StartCommand, 'kind' | 'commandId' | 'generation' | 'sequence' | 'workload'> & {
  readonly workload: Workload;
};

/** One unbroken agent stream whose Hello was accepted. */
export interface Session {
  readonly id: SessionId;
  readonly conn: ConnId;
  readonly server: ServerId;
  /** Where the agent lives; attempts of another place are not its own. */
  readonly serverUid: Uid;
  readonly instanceId: string;
  readonly machineId: string;
  readonly bootId: string;
  /** Receive time of the Hello. */
  readonly helloMono: number;
  /** The host's uptime shows that it booted after the last heartbeat received from it (semantics 11). */
  readonly bootedSince: boolean;
  /** OPENING: the Welcome waits for its commit and its check. */
  phase: 'OPENING' | 'OPEN';
  welcome: { readonly needCommit: number; readonly needCheck: number; readonly verdicts: readonly Verdict[] };
  /**
   * Version number of the set of attempts this session wants; each start, stop or verdict handed to the stream adds 1, and the Welcome's
   * verdicts make 1. A grant names the version whose attempts it prolongs (semantics C2).
   */
  generation: number;
  /** Newest heartbeat received; the Hello is 0. */
  receivedSequence: number;
  /** Newest heartbeat covered by a check of the term (semantics C1). */
  coveredSequence: number;
  /** Receive time of the newest granted heartbeat. */
  lastGrantMono: number;
  /** Commands that wait, starts apart: a start may wait for room, a stop never waits for a start. */
  readonly control: Waiting[];
  readonly starts: Waiting[];
  /** Commands handed over and not answered, by command id. */
  readonly unanswered: Map<
    number,
    { readonly kind: 'start' | 'stop'; readonly run: RunId; readonly epoch: Epoch; readonly bytes: number }
  >;
  unansweredBytes: number;
  fullStateAsked: boolean;
  /** What its Hello did not list though it might have: proven ended once the agent has taken the session (semantics C3a). */
  absent: readonly AttemptRef[];
}
