/** I3 at the agents: nothing is started, stopped or extended at the word of a leader whose term is below one that was seen. */
import type { Effect } from '../../../agent/core/effect.ts';
import type { LeaderMessage } from '../../../shared/protocol/leader-message.ts';
import type { AgentNode } from '../agent.ts';
import type { EventQueue } from '../event-queue.ts';
import type { StateDirectory } from '../host.ts';
import type { Verdict } from '../violation.ts';

export class Obedience {
  readonly #queue: EventQueue;
  readonly #verdict: Verdict;
  readonly #highest = new WeakMap<StateDirectory, number>();

  constructor(queue: EventQueue, verdict: Verdict) {
    this.#queue = queue;
    this.#verdict = verdict;
  }

  obeyed(agent: AgentNode, term: number, message: LeaderMessage, effects: readonly Effect[]): void {
    const { directory } = agent.host;
    const highest = this.#highest.get(directory) ?? 0;
    if (term >= highest) {
      // A term counts as seen once its Welcome was accepted: what comes before that is a claim.
      if (message.kind === 'welcome' && agent.state?.highestTerm === term) this.#highest.set(directory, term);
      return;
    }
    const acts = effects.some(
      ({ kind, ...effect }) =>
        kind === 'ask_keeper' && 'ask' in effect && effect.ask.kind !== 'ping' && effect.ask.kind !== 'stop',
    );
    if (!acts) return;
    this.#verdict.breaks(
      'I3',
      this.#queue.now,
      `${agent.name} obeys ${message.kind} of term ${term} after it saw term ${highest}`,
    );
  }
}
