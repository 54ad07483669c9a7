/**
 * What the core asks the shell to do, in this order and now. The performer has no choices; answers come back as events.
 *
 * `terminate`, `kill`, `look`, `open_gate` and `prove_hands` are done before the performer does anything else, and wait for nothing
 * but the kernel: between a deadline and an empty tree there is no disk, no thread pool, no log and no name look-up.
 */
import type { AgentId, RequestId, StartRequest, WriteId } from './event.ts';
import type { OutputOwner } from './output-retention.ts';
import type { JournalRecord } from './record.ts';

export type Effect =
  // To the agent; dropped by the shell when that connection is over.
  /** The whole table, from the state: the first message of a connection. */
  | { readonly kind: 'tell_opened'; readonly agent: AgentId }
  /** The attempt as it is in the state. Told before every answer that is given later. */
  | { readonly kind: 'tell_changed'; readonly agent: AgentId; readonly attempt: string }
  | { readonly kind: 'tell_problems'; readonly agent: AgentId }
  | { readonly kind: 'tell_leaving'; readonly agent: AgentId; readonly withinMs: number }
  | { readonly kind: 'answer'; readonly agent: AgentId; readonly request: RequestId; readonly answer: Answer }
  | { readonly kind: 'pong'; readonly agent: AgentId }
  | { readonly kind: 'disconnect'; readonly agent: AgentId; readonly reason: string }
  // To the disk.
  /** Append to the journal. 0: nobody waits for `written`. */
  | { readonly kind: 'write'; readonly write: WriteId; readonly record: JournalRecord }
  // To the driver. `attempt` is a key of the state.
  /** Make the place of an attempt and shut the gate behind its first process: answered by prepared or not_prepared. */
  | { readonly kind: 'prepare'; readonly attempt: string; readonly start: StartRequest }
  /** Let the program run. */
  | { readonly kind: 'open_gate'; readonly attempt: string }
  /** Its gate never opens: kill what waits there, if anything, and take the place away. */
  | { readonly kind: 'discard'; readonly attempt: string }
  /** SIGTERM to the whole tree. */
  | { readonly kind: 'terminate'; readonly attempt: string }
  /** Kill the whole tree. */
  | { readonly kind: 'kill'; readonly attempt: string }
  /** Is the tree empty? Answered by looked. */
  | { readonly kind: 'look'; readonly attempt: string }
  /** It has ended: take away what an empty tree leaves behind, and let its output come to its end. */
  | { readonly kind: 'remove'; readonly attempt: string }
  /** Its end is durable at the leader: its script and folder can go, and later its output. */
  | { readonly kind: 'forget'; readonly attempt: string; readonly owner: OutputOwner }
  /** Kill what earlier keepers left, whether a record names it or not: answered by swept. */
  | { readonly kind: 'sweep' }
  /** Do, and see done, everything that a kill needs: answered by hands. */
  | { readonly kind: 'prove_hands'; readonly agent: AgentId }
  // To the process.
  /** Listen for agents. Once. */
  | { readonly kind: 'serve' }
  /** Send `tick` at this monotonic time. Replaces the last one. */
  | { readonly kind: 'wake'; readonly atMono: number }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string }
  /** End the process; the last effect. 1: something had to be left behind that can not be killed. */
  | { readonly kind: 'end'; readonly code: 0 | 1 };

export interface Answer {
  readonly ok: boolean;
  /** One stable word, as of a refusal; empty when it is done. */
  readonly reason: string;
  readonly detail: string;
  /** After a start. */
  readonly pid: number;
  /** Attempts that could not be extended or forgotten. */
  readonly refused: readonly { readonly run: string; readonly epoch: number }[];
}
