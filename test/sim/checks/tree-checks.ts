/**
 * I1, I2, I3 and I4 where they count: at the processes. The world knows which trees live; at each start it is asked whether this one
 * may. What a machine that stood still had is judged when it has had the time to find out (semantics 5).
 */
import { incarnationOf } from '../../../shared/ids.ts';
import type { EventQueue } from '../event-queue.ts';
import type { Host, TreeWatch } from '../host.ts';
import type { SimStore } from '../store.ts';
import type { Tree } from '../tree.ts';
import type { Verdict } from '../violation.ts';
import { type Ledger, placeName } from './ledger.ts';

/** After a suspend the clocks have counted all: what is past its lease is killed at once. */
const AWAKE_MS = 4_000;
/** After a stopped clock a sign has to be seen, and then the stop takes its time (A8): 1 s, 2 s, then G and the kill. */
const THAWED_MS = 5_000;

export interface TreeChecksOptions {
  readonly queue: EventQueue;
  readonly verdict: Verdict;
  readonly ledger: Ledger;
  readonly store: SimStore;
  readonly say: (who: string, what: () => string) => void;
}

export class TreeChecks implements TreeWatch {
  readonly #options: TreeChecksOptions;
  readonly #living = new Set<Tree>();
  /** Machines that went on a moment ago, and until when what they have is not judged. */
  readonly #waking = new Map<Host, number>();
  starts = 0;

  constructor(options: TreeChecksOptions) {
    this.#options = options;
  }

  get living(): ReadonlySet<Tree> {
    return this.#living;
  }

  treeStarted(tree: Tree): void {
    const { say, ledger } = this.#options;
    const { run, epoch, policy } = tree.facts;
    say(tree.host.name, () => `● ${run} epoch ${epoch} of ${policy} RUNS (${tree.facts.terms.onDisconnect})`);
    this.starts += 1;
    this.#living.add(tree);
    const earlier = ledger.trees.get(epoch);
    if (earlier !== undefined)
      this.#breaks('I2', `epoch ${epoch} runs twice: on ${earlier.host.name} and ${tree.host.name}`);
    ledger.trees.set(epoch, tree);
    if (tree.outsideClaim) return;
    this.#checkDecision(tree);
    this.#checkEpochs(tree);
    this.#checkProofs(tree);
    this.#checkAlone(tree);
    this.#checkNumber(tree);
  }

  treeEnded(tree: Tree): void {
    const { run, epoch } = tree.facts;
    this.#options.say(tree.host.name, () => `○ ${run} epoch ${epoch} ended (${tree.exit?.signal || tree.exit?.code})`);
    this.#living.delete(tree);
  }

  hostAwoke(host: Host): void {
    const { queue } = this.#options;
    const frozen = host.outsideClaimUntil > queue.now;
    const longestStop = Math.max(0, ...[...host.trees].map(({ facts }) => facts.terms.stopTimeoutMs));
    // A frozen machine's own clock may be slow; what it counts as a second may take longer.
    const graceMs = frozen ? (longestStop + THAWED_MS) * 1.13 : AWAKE_MS;
    this.#waking.set(host, queue.now + graceMs);
    queue.after(graceMs + 1, () => {
      if (this.#isWaking(host) || host.clock.state !== 'running') return;
      for (const tree of host.trees) {
        if (tree.unkillableUntil > 0) continue;
        this.#checkAlone(tree);
      }
    });
  }

  /** I3, C4: it was decided by a leader whose decision is in the store, for this place. */
  #checkDecision({ facts, host }: Tree): void {
    const known = this.#options.ledger.committed.get(facts.epoch);
    if (known === undefined) {
      this.#breaks('I3', `${facts.run} epoch ${facts.epoch} runs on ${host.name} and was never committed`);
    } else if (
      known.server !== host.server ||
      known.place !== placeName(facts.instanceId, host.machineId) ||
      known.run !== facts.run
    ) {
      this.#breaks(
        'I3',
        `${facts.run} epoch ${facts.epoch} runs on ${host.name}; the store gave it to ${known.server} (${known.place})`,
      );
    }
  }

  #checkEpochs({ facts, host }: Tree): void {
    const { newestStarted } = this.#options.ledger;
    const newest = newestStarted.get(facts.run) ?? 0;
    if (facts.epoch < newest) {
      this.#breaks('I2', `${facts.run} runs epoch ${facts.epoch} on ${host.name} after epoch ${newest}`);
    }
    newestStarted.set(facts.run, Math.max(newest, facts.epoch));
  }

  /** I4: nothing has proven its end before, and every earlier attempt of the run is proven ended in the store. */
  #checkProofs({ facts, host }: Tree): void {
    const { ledger, store } = this.#options;
    const ended = ledger.ends.get(facts.epoch);
    if (ended !== undefined && ended.proof !== 'OPERATOR') {
      this.#breaks(
        'I4',
        `${facts.run} epoch ${facts.epoch} starts on ${host.name}; ${ended.controller} had noted its end, proven by ${ended.proof}`,
      );
    }
    const record = store.read(`runs/${facts.run}`);
    // A start of an earlier life of the store may still be under way; the records of this life know nothing of it (C9).
    if (record?.kind !== 'run' || incarnationOf(facts.epoch) !== store.incarnation) return;
    const overlap = facts.terms.onDisconnect === 'OVERLAP';
    for (const older of record.attempts) {
      if (older.epoch >= facts.epoch || older.state.kind === 'ENDED' || (older.overlapped && overlap)) continue;
      this.#breaks(
        'I4',
        `${facts.run} epoch ${facts.epoch} starts on ${host.name}; epoch ${older.epoch} on ${older.server} is not proven ended in the store`,
      );
    }
  }

  /** I1: no other tree of the run, but where both may overlap. */
  #checkAlone(tree: Tree): void {
    for (const other of this.#living) {
      if (other === tree || other.facts.run !== tree.facts.run || this.#isExcused(other) || this.#isExcused(tree))
        continue;
      if (tree.facts.terms.onDisconnect === 'OVERLAP' && other.facts.terms.onDisconnect === 'OVERLAP') continue;
      this.#breaks(
        'I1',
        `${tree.facts.run} lives twice: epoch ${other.facts.epoch} on ${other.host.name} and epoch ${tree.facts.epoch} on ${tree.host.name}`,
      );
    }
  }

  #checkNumber({ facts }: Tree): void {
    if (facts.terms.onDisconnect === 'OVERLAP') return;
    const most = this.#options.ledger.mostRuns.get(facts.policy) ?? 1;
    const runs = new Set<string>();
    for (const other of this.#living) {
      if (other.facts.policy !== facts.policy || other.facts.terms.onDisconnect === 'OVERLAP') continue;
      if (!this.#isExcused(other)) runs.add(other.facts.run);
    }
    if (runs.size > most)
      this.#breaks('I1', `${runs.size} runs of ${facts.policy} live (${[...runs].join(', ')}), ${most} are allowed`);
  }

  /** Nothing is promised about it, or nothing yet. */
  #isExcused(tree: Tree): boolean {
    const { ledger, queue } = this.#options;
    if (tree.outsideClaim || tree.host.clock.state !== 'running' || this.#isWaking(tree.host)) return true;
    // An operator's word, given for a server that was alive, is the one exception (d); a tree that nothing can kill is another.
    return ledger.ends.get(tree.facts.epoch)?.proof === 'OPERATOR' || tree.unkillableUntil > queue.now - 2_000;
  }

  #isWaking(host: Host): boolean {
    return this.#options.queue.now <= (this.#waking.get(host) ?? -1);
  }

  /** A proof was noted: is it true? To be called for each end that a leader notes. */
  checkEnd(epoch: number): void {
    const { ledger } = this.#options;
    const tree = ledger.trees.get(epoch);
    const ended = ledger.ends.get(epoch);
    if (
      tree === undefined ||
      ended === undefined ||
      !tree.alive ||
      ended.proof === 'OPERATOR' ||
      ended.proof === 'OVERLAP'
    )
      return;
    if (ended.proof === 'WAIT') {
      if (tree.facts.terms.onDisconnect !== 'STOP') {
        this.#breaks(
          'I4',
          `${tree.facts.run} epoch ${epoch} is ${tree.facts.terms.onDisconnect} and was ended by waiting`,
        );
      }
      if (this.#isExcused(tree)) return;
    }
    if (tree.outsideClaim) return;
    this.#breaks(
      'I4',
      `${ended.controller} notes the end of ${tree.facts.run} epoch ${epoch}, proven by ${ended.proof}; it lives on ${tree.host.name}`,
    );
  }

  #breaks(invariant: 'I1' | 'I2' | 'I3' | 'I4', message: string): void {
    const { verdict, queue } = this.#options;
    verdict.breaks(invariant, queue.now, message);
  }
}
