/**
 * The folders of attempts, `<state dir>/runs/<run>-<epoch>`: `script`, `work` and `output`.
 *
 * Nobody else may enter the state directory, so script and work folder of a workload that runs as another user are in
 * `<state dir>-users/<run>-<epoch>`. They go when the attempt is forgotten. Output stays readable after that, for the newest
 * forgotten attempts.
 */
import { chmod, chown, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { attemptKey } from './journal-state.ts';
import { DEFAULT_OUTPUT_LIMITS, type OutputLimits, OutputLog } from './output-log.ts';
import { listSegments, type OutputSlice, readOutput } from './output-segments.ts';

export interface OutputRetention {
  /** Forgotten attempts whose output is kept. Default 200. */
  readonly attempts: number;
  /** Bytes that their output may take together. Default 256 MiB. */
  readonly bytes: number;
}

export const DEFAULT_OUTPUT_RETENTION: OutputRetention = { attempts: 200, bytes: 256 * 1024 * 1024 };

/** Another user than the keeper's. */
export interface FolderOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface AttemptFoldersOptions {
  readonly output?: OutputLimits;
  readonly retention?: OutputRetention;
}

export class AttemptFolders {
  private readonly root: string;
  private readonly usersRoot: string;
  private readonly limits: OutputLimits;
  private readonly retention: OutputRetention;
  /** Forgotten attempts with output, oldest first. */
  private readonly forgotten = new Map<string, number>();
  private forgottenBytes = 0;
  private tidying: Promise<void> = Promise.resolve();

  constructor(stateDir: string, options: AttemptFoldersOptions = {}) {
    this.root = join(stateDir, 'runs');
    this.usersRoot = `${stateDir}-users`;
    this.limits = options.output ?? DEFAULT_OUTPUT_LIMITS;
    this.retention = options.retention ?? DEFAULT_OUTPUT_RETENTION;
  }

  /** Finds what earlier keepers left. Folders of attempts that are not `held` count as forgotten. */
  async recover(held: (key: string) => boolean): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o700 });
    const keys = (await readdir(this.root)).filter((key) => !held(key));
    const dated = await Promise.all(
      keys.map(async (key) => ({ key, changedMs: (await stat(join(this.root, key))).mtimeMs })),
    );
    for (const { key } of dated.sort((a, b) => a.changedMs - b.changedMs)) await this.retire(key);
  }

  /** Writes a script to a file that its user can read and run, and answers with its path. */
  async writeScript(run: string, epoch: number, text: string, owner: FolderOwner | undefined): Promise<string> {
    const path = join(await this.placeFor(run, epoch, owner), 'script');
    await writeFile(path, text, { mode: 0o500 });
    if (owner !== undefined) await chown(path, owner.uid, owner.gid);
    return path;
  }

  /** Makes a fresh working directory and answers with its path. */
  async makeWorkFolder(run: string, epoch: number, owner: FolderOwner | undefined): Promise<string> {
    const path = join(await this.placeFor(run, epoch, owner), 'work');
    await mkdir(path, { mode: 0o700 });
    if (owner !== undefined) await chown(path, owner.uid, owner.gid);
    return path;
  }

  /** Begins to keep what comes out of `reader`. */
  async keepOutput(run: string, epoch: number, reader: Socket): Promise<OutputLog> {
    const folder = join(this.root, attemptKey(run, epoch), 'output');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new OutputLog(folder, this.limits, reader);
  }

  /** Undefined where there is no output of this attempt, or not any more. */
  readOutput(run: string, epoch: number, offset: number, limit: number): Promise<OutputSlice | undefined> {
    return readOutput(join(this.root, attemptKey(run, epoch), 'output'), offset, limit);
  }

  /** The end of the attempt is durable at the leader. Resolves once everything that is no longer kept is deleted. */
  forget(run: string, epoch: number): Promise<void> {
    this.tidying = this.tidying.catch(() => undefined).then(() => this.retire(attemptKey(run, epoch)));
    return this.tidying;
  }

  private async placeFor(run: string, epoch: number, owner: FolderOwner | undefined): Promise<string> {
    const path = join(owner === undefined ? this.root : this.usersRoot, attemptKey(run, epoch));
    await mkdir(path, { recursive: true, mode: owner === undefined ? 0o700 : 0o711 });
    // The umask took from the mode of a folder that others must be able to pass.
    if (owner !== undefined) for (const passed of [this.usersRoot, path]) await chmod(passed, 0o711);
    return path;
  }

  private async retire(key: string): Promise<void> {
    const folder = join(this.root, key);
    await rm(join(folder, 'script'), { force: true });
    await rm(join(folder, 'work'), { recursive: true, force: true });
    await rm(join(this.usersRoot, key), { recursive: true, force: true });
    let bytes = 0;
    for (const { path } of await listSegments(join(folder, 'output'))) bytes += (await stat(path)).size;
    this.forgotten.set(key, bytes);
    this.forgottenBytes += bytes;
    for (const [oldest, its] of this.forgotten) {
      if (this.forgotten.size <= this.retention.attempts && this.forgottenBytes <= this.retention.bytes) return;
      this.forgotten.delete(oldest);
      this.forgottenBytes -= its;
      await rm(join(this.root, oldest), { recursive: true, force: true });
    }
  }
}
