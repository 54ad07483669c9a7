/**
 * The folders of attempts, `<state dir>/runs/<run>-<epoch>`: `script`, `work` and `output`.
 *
 * Nobody else may enter the state directory, so script and work folder of a workload that runs as another user are in
 * `<state dir>-users/<run>-<epoch>`. They go when the attempt is forgotten. Output stays readable after that, for as long
 * as the retention says; `owner.json` beside it tells a later keeper whose it is.
 */
import { chmod, chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { DiskLane } from '../../shared/disk-lane.ts';
import { refuseOthersPlace } from '../../shared/host/own-folder.ts';
import { HOUR } from '../../shared/time.ts';
import { type AttemptName, keyOf } from '../core/attempt.ts';
import {
  DEFAULT_OUTPUT_RETENTION,
  type EndedOutput,
  type OutputOwner,
  type OutputRetention,
  outdatedOutputs,
} from '../core/output-retention.ts';
import { DEFAULT_OUTPUT_LIMITS, type OutputLimits, OutputLog } from '../output/output-log.ts';
import { type OutputQuery, type OutputSlice, readOutput, sizeOfOutput } from '../output/output-reader.ts';
import { readOwner, writeOwner } from './output-owner.ts';
import { removeContents, removeFolder } from './remove-contents.ts';

/** How long a start or a reader waits for the disk. */
const LIMIT_MS = 2_000;

/** How often age alone is looked at; whatever is forgotten meanwhile looks as well. */
const AGE_LOOK_MS = HOUR;

/** Another user than the keeper's. */
export interface FolderOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface AttemptFoldersOptions {
  readonly output?: OutputLimits;
  readonly retention?: OutputRetention;
  /** Told why output can't be written, for each attempt when it begins to be lost: the disk should be looked at. */
  readonly suspect?: (error: unknown) => void;
}

export interface KeptOutput extends OutputSlice {
  /** Nothing more is written. */
  readonly finished: boolean;
}

export class AttemptFolders {
  readonly #open = new Map<string, OutputLog>();
  readonly #root: string;
  readonly #usersRoot: string;
  readonly #limits: OutputLimits;
  readonly #retention: OutputRetention;
  /** Forgotten attempts with output. */
  readonly #forgotten = new Map<string, EndedOutput>();
  #ageLook: NodeJS.Timeout | undefined;
  readonly #suspect: (error: unknown) => void;
  // Each may hold one thread of the pool while the disk stalls, and no more.
  /** What a start or a reader waits for. */
  readonly #prompt = new DiskLane('the folders of attempts', LIMIT_MS);
  /** The output of all attempts: workloads wait for it, as for any file. */
  readonly #writing = new DiskLane('output', Number.POSITIVE_INFINITY);
  readonly #tidying = new DiskLane('old output', Number.POSITIVE_INFINITY);

  constructor(stateDir: string, options: AttemptFoldersOptions = {}) {
    this.#root = join(stateDir, 'runs');
    this.#usersRoot = `${stateDir}-users`;
    this.#limits = options.output ?? DEFAULT_OUTPUT_LIMITS;
    this.#retention = options.retention ?? DEFAULT_OUTPUT_RETENTION;
    this.#suspect = options.suspect ?? (() => undefined);
  }

  /** Something was asked of the disk that has not come back. */
  get busy(): boolean {
    return this.#prompt.busy || this.#writing.busy || this.#tidying.busy;
  }

  /** Finds what earlier keepers left. Folders of attempts that are not `held` count as forgotten. */
  recover(held: (key: string) => boolean): Promise<void> {
    this.#ageLook ??= setInterval(
      () => void this.#tidying.run(() => this.#dropOutdated()).catch(() => undefined),
      AGE_LOOK_MS,
    );
    this.#ageLook.unref();
    return this.#tidying.run(async () => {
      await mkdir(this.#root, { recursive: true, mode: 0o700 });
      // What can't be deleted of one attempt keeps nobody else's output longer.
      const problems: unknown[] = [];
      for (const key of await readdir(this.#root)) {
        if (held(key)) continue;
        const owner = await readOwner(join(this.#root, key));
        await this.#retire(key, owner).catch((error: unknown) => problems.push(error));
      }
      await this.#dropOutdated();
      if (problems.length > 0) throw problems[0];
    });
  }

  /** Nothing is tidied up by itself any more. */
  close(): void {
    clearInterval(this.#ageLook);
  }

  /** Writes a script to a file that its user can read and run, and answers with its path. */
  writeScript(attempt: AttemptName, text: string, owner: FolderOwner | undefined): Promise<string> {
    return this.#prompt.run(async () => {
      const path = join(await this.#placeFor(attempt, owner), 'script');
      await writeFile(path, text, { mode: 0o500 });
      if (owner !== undefined) await chown(path, owner.uid, owner.gid);
      return path;
    });
  }

  /** Makes a fresh working directory and answers with its path. */
  makeWorkFolder(attempt: AttemptName, owner: FolderOwner | undefined): Promise<string> {
    return this.#prompt.run(async () => {
      const path = join(await this.#placeFor(attempt, owner), 'work');
      await mkdir(path, { mode: 0o700 });
      if (owner !== undefined) await chown(path, owner.uid, owner.gid);
      return path;
    });
  }

  /** Begins to keep what comes out of `reader`. */
  async keepOutput(attempt: AttemptName, reader: Socket): Promise<OutputLog> {
    const folder = join(this.#root, keyOf(attempt), 'output');
    await this.#prompt.run(() => mkdir(folder, { recursive: true, mode: 0o700 }));
    const limits = this.#limits;
    const lane = this.#writing;
    const log = new OutputLog({ directory: folder, limits, reader, lane, suspect: this.#suspect });
    this.#open.set(keyOf(attempt), log);
    void log.done.then(() => this.#open.delete(keyOf(attempt)));
    return log;
  }

  /** Undefined where there is no output of this attempt, or not any more. */
  readOutput(attempt: AttemptName, query: OutputQuery): Promise<KeptOutput | undefined> {
    return this.#prompt.run(async () => {
      const finished = !this.#open.has(keyOf(attempt));
      const slice = await readOutput(join(this.#root, keyOf(attempt), 'output'), query);
      return slice && { ...slice, finished };
    });
  }

  /** The end of the attempt is durable at the leader. Resolves once everything that is no longer kept is deleted. */
  forget(attempt: AttemptName, owner: OutputOwner): Promise<void> {
    return this.#tidying.run(async () => {
      const key = keyOf(attempt);
      const hasOutput = await this.#retire(key, owner);
      await this.#dropOutdated();
      // Last: a full disk refuses it, and what had to go is gone by then. This keeper knows it anyway.
      if (hasOutput && this.#forgotten.has(key)) await writeOwner(join(this.#root, key), owner);
    });
  }

  async #placeFor(attempt: AttemptName, owner: FolderOwner | undefined): Promise<string> {
    const root = owner === undefined ? this.#root : this.#usersRoot;
    const path = join(root, keyOf(attempt));
    if (owner === undefined) {
      await mkdir(path, { recursive: true, mode: 0o700 });
      return path;
    }
    for (const passed of [root, path]) {
      await mkdir(passed, { recursive: true, mode: 0o711 });
      // It is beside the state directory, where others may have been first: what we write and give away would land where they like.
      await refuseOthersPlace(passed);
      // The umask took from the mode of a folder that others must be able to pass.
      await chmod(passed, 0o711);
    }
    return path;
  }

  /** Whether there is output of it. */
  async #retire(key: string, owner: OutputOwner): Promise<boolean> {
    const folder = join(this.#root, key);
    const bytes = await sizeOfOutput(join(folder, 'output'));
    // First: what can't be deleted of the rest does not keep its output for ever.
    if (bytes !== undefined) this.#forgotten.set(key, { ...owner, key, bytes });
    await removeContents(folder, ['output', 'owner.json']);
    await removeUsers(this.#usersRoot, key);
    if (bytes === undefined) await removeFolder(folder);
    return bytes !== undefined;
  }

  async #dropOutdated(): Promise<void> {
    // What can't be deleted of one attempt keeps nobody else's output longer.
    const problems: unknown[] = [];
    for (const key of outdatedOutputs(this.#forgotten.values(), this.#retention, Date.now())) {
      this.#forgotten.delete(key);
      await removeFolder(join(this.#root, key)).catch((error: unknown) => problems.push(error));
    }
    if (problems.length > 0) throw problems[0];
  }
}

/** Where the folder of all of them is somebody else's we have put nothing into it, and delete nothing. */
async function removeUsers(root: string, key: string): Promise<void> {
  const there = await stat(root).catch(() => undefined);
  if (there === undefined) return;
  await refuseOthersPlace(root);
  await removeFolder(join(root, key));
}
