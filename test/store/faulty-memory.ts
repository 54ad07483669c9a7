/** A handle on a memory store that meets a fault before or after one of its writes, which are its commits and elections. */
import { type MemoryCluster, MemoryStore } from '../../controller/store/memory.ts';
import type { Batch, CommitOutcome, WonTerm } from '../../controller/store/store.ts';
import type { FaultPlan, FaultyHandle } from './store-world.ts';

const never = <T>(): Promise<T> => new Promise<T>(() => {});

export class FaultyMemoryStore extends MemoryStore implements FaultyHandle {
  readonly #plan: FaultPlan;
  readonly #gone = Promise.withResolvers<void>();
  #dead = false;
  #held: (() => Promise<unknown>) | undefined;
  passed = 0;

  constructor(cluster: MemoryCluster, plan: FaultPlan) {
    super(cluster);
    this.#plan = plan;
  }

  get store(): this {
    return this;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  readonly arriveLate = async (): Promise<void> => {
    const held = this.#held;
    this.#held = undefined;
    await held?.();
  };

  override campaign(candidate: string, signal: AbortSignal): Promise<WonTerm> {
    return this.#around(() => super.campaign(candidate, signal));
  }

  override commit(batch: Batch): Promise<CommitOutcome> {
    return this.#around(
      () => super.commit(batch),
      () => super.commit(batch),
    );
  }

  async #around<T>(write: () => Promise<T>, late?: () => Promise<unknown>): Promise<T> {
    if (this.#dead) return never();
    await this.#pass(late);
    const answer = await write();
    await this.#pass();
    return answer;
  }

  async #pass(late?: () => Promise<unknown>): Promise<void> {
    const { fault, at, onPoint } = this.#plan;
    await onPoint?.();
    this.passed += 1;
    if (this.passed !== at + 1) return;
    if (fault === 'dies, arrives late') this.#held = late;
    this.#dead = true;
    this.#gone.resolve();
    await never();
  }
}
