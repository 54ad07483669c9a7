/**
 * What is wrong with the host, found by trying what a start needs: now and then while all is well, often while something is not, and at
 * once when a start or a write failed. So a server is back the moment a start would succeed again, with no start to be risked for it.
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../shared/caught-error.ts';
import { DiskLane } from '../shared/disk-lane.ts';
import { type HostProblem, isHostProblemKind, sameProblems } from '../shared/host-problem.ts';
import { hostProblemOf } from '../shared/host-problem-of.ts';
import type { Refusal } from './core/refusal.ts';
import type { Journal } from './disk/journal.ts';
import type { Driver } from './drivers/driver.ts';
import type { KeeperLog } from './keeper-log.ts';

/** Between two trials. */
const EVERY_MS = { well: 60_000, ill: 2_000 };
/** A disk that takes longer than this to take a block for good would keep a start waiting. */
const DISK_LIMIT_MS = 2_000;
/** What a start writes, about. */
const TRIAL_BYTES = 16 * 1024;

export interface HostWatchOptions {
  readonly stateDir: string;
  readonly driver: Driver;
  readonly journal: Journal;
  readonly log: KeeperLog;
  /** Told all of them, after each change. */
  readonly tell: (problems: readonly HostProblem[]) => void;
}

export class HostWatch {
  readonly #options: HostWatchOptions;
  readonly #disk: DiskLane;
  #problems: readonly HostProblem[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #again = false;
  #closed = false;

  constructor(options: HostWatchOptions) {
    this.#options = options;
    this.#disk = new DiskLane(options.stateDir, DISK_LIMIT_MS);
  }

  /** Something was asked of the disk that has not come back. */
  get busy(): boolean {
    return this.#disk.busy;
  }

  /** A start or a write failed: looks now. What the refusal says counts until the look is done. */
  suspect(refusal?: Refusal): void {
    if (refusal !== undefined) {
      const { reason: kind, detail } = refusal;
      // A program that is not there is no fault of the host.
      if (!isHostProblemKind(kind)) return;
      this.#tell([...this.#problems.filter((problem) => problem.kind !== kind), { kind, detail }]);
    }
    this.look();
  }

  look(): void {
    if (this.#running || this.#closed) {
      this.#again = true;
      return;
    }
    this.#running = true;
    clearTimeout(this.#timer);
    void this.#find()
      .catch((error: unknown): readonly HostProblem[] => [{ kind: 'OTHER', detail: messageOf(error) }])
      .then((problems) => {
        this.#running = false;
        if (this.#closed) return;
        this.#tell(problems);
        const wait = this.#again ? EVERY_MS.ill / 4 : problems.length > 0 ? EVERY_MS.ill : EVERY_MS.well;
        this.#again = false;
        this.#timer = setTimeout(() => this.look(), wait);
      });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #tell(problems: readonly HostProblem[]): void {
    if (sameProblems(problems, this.#problems)) return;
    this.#problems = problems;
    if (problems.length === 0) this.#options.log.info('starts are possible again');
    else
      this.#options.log.warn(
        `nothing can be started: ${problems.map(({ kind, detail }) => `${kind} (${detail})`).join(', ')}`,
      );
    this.#options.tell(problems);
  }

  async #find(): Promise<readonly HostProblem[]> {
    const disk = await this.#diskProblem();
    const others = await this.#options.driver.trial();
    return disk === undefined ? others : [disk, ...others.filter(({ kind }) => kind !== disk.kind)];
  }

  async #diskProblem(): Promise<HostProblem | undefined> {
    const { journal, stateDir } = this.#options;
    try {
      await this.#disk.run(() => tryToWrite(join(stateDir, 'keeper.trial')));
      // What it did not take meanwhile, so that the next keeper knows all that this one let run.
      await journal.retry();
      return undefined;
    } catch (error) {
      return hostProblemOf(error) ?? { kind: 'IO_ERROR', detail: messageOf(error) };
    }
  }
}

/** Durable, as the kernel tells of a broken or full disk only then for certain. */
async function tryToWrite(path: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    const { bytesWritten } = await file.write(Buffer.alloc(TRIAL_BYTES));
    if (bytesWritten < TRIAL_BYTES) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    await file.datasync();
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
