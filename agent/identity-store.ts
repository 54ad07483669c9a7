/**
 * Keeps the identity durable. What a leader gave counts in memory at once; the disk takes it beside that, in its own time. While it has
 * not, nothing new is started (semantics: A3), what runs goes on, and it is tried again.
 */
import { randomUUID } from 'node:crypto';
import { messageOf } from '../shared/caught-error.ts';
import type { DiskLane } from '../shared/disk-lane.ts';
import type { HostProblem } from '../shared/host-problem.ts';
import { hostProblemOf } from '../shared/host-problem-of.ts';
import type { RuntimeFolder } from '../shared/keeper/runtime-folder.ts';
import { type Identity, isIdentity, saveIdentity } from './identity.ts';

/** Between two tries. */
const RETRY_MS = 2_000;
const COPY = 'agent.json';

export interface IdentityStoreOptions {
  readonly stateDir: string;
  readonly identity: Identity;
  /** The disk has this identity; otherwise it is written at once. */
  readonly isOnDisk: boolean;
  /** Of the state directory: bounds every wait. */
  readonly lane: DiskLane;
  /** Holds a copy for an agent that finds its disk stalled. */
  readonly memory: RuntimeFolder | undefined;
  readonly onProblem: (problem: HostProblem | undefined) => void;
}

/** The copy in memory of an agent of this boot. */
export function rememberedIdentity(memory: RuntimeFolder | undefined): Identity | undefined {
  const value = memory?.read(COPY);
  return isIdentity(value) ? value : undefined;
}

export class IdentityStore {
  readonly #options: IdentityStoreOptions;
  #identity: Identity;
  /** The save that is under way or has failed last. Undefined: the disk has what is known. */
  #saving: Promise<HostProblem | undefined> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: IdentityStoreOptions) {
    this.#options = options;
    this.#identity = options.identity;
    options.memory?.write(COPY, options.identity);
    if (!options.isOnDisk) this.#try();
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** Counts at once; what changed nothing is only made durable, if it is not. */
  save(given: Partial<Pick<Identity, 'uid' | 'clusterId' | 'highestTerm'>>): void {
    this.#change(given);
  }

  /** As a new state directory, of no cluster, that the same server may join any with. */
  forgetCluster(): void {
    this.#change({ instanceId: randomUUID(), uid: '', clusterId: '', highestTerm: 0 });
  }

  #change(given: Partial<Identity>): void {
    this.#identity = { ...this.#identity, ...given };
    this.#options.memory?.write(COPY, this.#identity);
    this.#try();
  }

  /** Waits a bounded time. Undefined: the disk has all that is known. */
  async durable(): Promise<HostProblem | undefined> {
    return this.#saving;
  }

  #try(): void {
    clearTimeout(this.#timer);
    const { stateDir, lane, onProblem } = this.#options;
    const identity = this.#identity;
    const saving = lane
      .run(() => saveIdentity(stateDir, identity))
      .then(
        () => undefined,
        (error: unknown): HostProblem =>
          hostProblemOf(error) ?? { kind: 'IO_ERROR', detail: `instance.json: ${messageOf(error)}` },
      );
    this.#saving = saving;
    void saving.then((problem) => {
      // A later one speaks for itself.
      if (this.#saving !== saving || this.#closed) return;
      if (problem === undefined) this.#saving = undefined;
      else this.#timer = setTimeout(() => this.#try(), RETRY_MS);
      onProblem(problem);
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
