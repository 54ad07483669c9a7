/**
 * The only performer: does what the core asks for, in its order and at once. Answers come back as events. That a leader is deposed the
 * committer tells to the term, not to the core (committer.ts, `deposed`).
 */
import { unreachable } from '../../shared/assert.ts';
import type { LocumError } from '../../shared/errors.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import type { Now } from '../../shared/time.ts';
import type { Effect } from '../core/cluster/effect.ts';
import type { ConnId } from '../core/records/state.ts';
import type { Committer } from './committer.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { WatchHub } from './watch-hub.ts';

/** The agent streams, as the performer sees them. Both do nothing for a stream that is gone. */
export interface AgentStreamsPort {
  send(conn: ConnId, message: LeaderMessage, now: Now): void;
  /** After what was sent; without an error the stream ends normally. */
  close(conn: ConnId, error: LocumError | undefined): void;
}

export interface PerformerOptions {
  readonly committer: Pick<Committer, 'persist' | 'verify'>;
  readonly agents: AgentStreamsPort;
  readonly calls: Pick<PendingCalls, 'settle'>;
  readonly hub: Pick<WatchHub, 'publish'>;
}

export class Performer {
  readonly #options: PerformerOptions;

  constructor(options: PerformerOptions) {
    this.#options = options;
  }

  perform(effects: readonly Effect[], now: Now): void {
    for (const effect of effects) this.#performOne(effect, now);
  }

  #performOne(effect: Effect, now: Now): void {
    const { committer, agents, calls, hub } = this.#options;
    switch (effect.kind) {
      case 'send':
        agents.send(effect.conn, effect.message, now);
        break;
      case 'persist':
        committer.persist(effect.commit, effect.writes);
        break;
      case 'verify_term':
        committer.verify(effect.check);
        break;
      case 'reply':
        calls.settle(effect.call, effect.result);
        break;
      case 'publish':
        hub.publish(effect.changes);
        break;
      case 'close':
        agents.close(effect.conn, effect.error);
        break;
      default:
        unreachable(effect);
    }
  }
}
