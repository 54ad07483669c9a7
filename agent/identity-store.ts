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
  readonly identity: Remembered;
  /** The disk has this identity; otherwise it is written at once. */
  readonly isOnDisk: boolean;
  /** Of the state directory: bounds every wait. */
  readonly lane: DiskLane;
  /** Holds a copy for an agent that finds its disk stalled. */
  readonly memory: RuntimeFolder | undefined;
  /** Told what keeps the disk from taking it, and when it takes it again (undefined). */
  readonly tell: (problem: HostProblem | undefined) => void;
}

/** The copy in memory of an agent of this boot. */
export interface Remembered extends Identity {
  /** The instance that this one is instead of, where the disk has not taken that yet: its server has left the cluster. */
  readonly replaces?: string | undefined;
}

export function rememberedIdentity(memory: RuntimeFolder | undefined): Remembered | undefined {
  const value = memory?.read(COPY);
  if (!isIdentity(value)) return undefined;
  const replaces = 'replaces' in value && typeof value.replaces === 'string' ? value.replaces : undefined;
  return { ...value, replaces };
}

/** What memory has counts over what was read: a full disk has not taken the newest term, or that the server has left its cluster. */
export const isNewer = (remembered: Remembered, read: Identity): boolean =>
  remembered.instanceId === read.instanceId
    ? remembered.highestTerm > read.highestTerm
    : remembered.replaces === read.instanceId;

export class IdentityStore {
  readonly #options: IdentityStoreOptions;
  #identity: Identity;
  /** As of the copy in memory. */
  #replaces: string | undefined;
  /** The save that is under way or has failed last. Undefined: the disk has what is known. */
  #saving: Promise<HostProblem | undefined> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: IdentityStoreOptions) {
    this.#options = options;
    const { replaces, ...identity } = options.identity;
    this.#identity = identity;
    this.#replaces = replaces;
    this.#remember();
    if (!options.isOnDisk) this.#try();
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** The server has left its cluster, and the disk has not taken that. */
  get isLeaveUnwritten(): boolean {
    return this.#replaces !== undefined;
  }

  /** Counts at once; what changed nothing is only made durable, if it is not. */
  save(given: Partial<Pick<Identity, 'uid' | 'clusterId' | 'highestTerm'>>): void {
    this.#change(given);
  }

  /** As a new state directory, of no cluster, that the same server may join any with. */
  forgetCluster(): void {
    // Until the disk has it, an agent that is started again knows by this that what it reads is over.
    this.#replaces ??= this.#identity.instanceId;
    this.#change({ instanceId: randomUUID(), uid: '', clusterId: '', highestTerm: 0 });
  }

  #change(given: Partial<Identity>): void {
    this.#identity = { ...this.#identity, ...given };
    this.#remember();
    this.#try();
  }

  #remember(): void {
    this.#options.memory?.write(COPY, { ...this.#identity, replaces: this.#replaces });
  }

  /** Waits a bounded time. Undefined: the disk has all that is known. */
  async durable(): Promise<HostProblem | undefined> {
    return this.#saving;
  }

  #try(): void {
    clearTimeout(this.#timer);
    const { stateDir, lane, tell } = this.#options;
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
      if (problem === undefined) this.#isTaken();
      else this.#timer = setTimeout(() => this.#try(), RETRY_MS);
      tell(problem);
    });
  }

  #isTaken(): void {
    this.#saving = undefined;
    if (this.#replaces === undefined) return;
    this.#replaces = undefined;
    this.#remember();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
