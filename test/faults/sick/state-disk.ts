/** The file system under the state directory of a sick host, and what can happen to it. Nobody else uses it. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { command, waitFor } from './command.ts';
import type { UndoGuard } from './undo-guard.ts';

const IMAGE_BYTES = 48 * 1024 * 1024;
const INODES = 96;
/** A runaway program that fills a disk takes what others free. */
const FILL_EVERY_MS = 200;
const MOUNT_LIMIT_MS = 10_000;

export interface DiskPlace {
  readonly mountPoint: string;
  /** A folder elsewhere, for what is behind it. */
  readonly behind: string;
  readonly guard: UndoGuard;
}

/** A real ext4, on a loop device that goes away with the mount. */
export class Ext4Disk {
  readonly #mountPoint: string;
  readonly #image: string;
  readonly #guard: UndoGuard;
  #filler: NodeJS.Timeout | undefined;
  #files = 0;

  private constructor({ mountPoint, behind, guard }: DiskPlace) {
    this.#mountPoint = mountPoint;
    this.#image = join(behind, `${basename(mountPoint)}.img`);
    this.#guard = guard;
  }

  static async make(place: DiskPlace, { inodes = INODES * 32 } = {}): Promise<Ext4Disk> {
    const disk = new Ext4Disk(place);
    mkdirSync(place.mountPoint, { recursive: true });
    writeFileSync(disk.#image, '');
    truncateSync(disk.#image, IMAGE_BYTES);
    await command('mkfs.ext4', '-q', '-m', '0', '-N', String(inodes), disk.#image);
    place.guard.defer({ kind: 'unmount', folder: place.mountPoint });
    await disk.#mount();
    return disk;
  }

  static withFewInodes(place: DiskPlace): Promise<Ext4Disk> {
    return Ext4Disk.make(place, { inodes: INODES });
  }

  async #mount(): Promise<void> {
    await command('mount', '-o', 'loop,errors=remount-ro', this.#image, this.#mountPoint);
  }

  /** Every write and every change waits, in the kernel, until it is thawed. */
  async freeze(): Promise<void> {
    this.#guard.defer({ kind: 'thaw', folder: this.#mountPoint });
    await command('fsfreeze', '-f', this.#mountPoint);
  }

  async thaw(): Promise<void> {
    await command('fsfreeze', '-u', this.#mountPoint);
  }

  /** No block is free, and none that becomes free stays so. */
  fill(): void {
    this.#keepFilling(() => {
      const file = openSync(join(this.#mountPoint, 'fill'), 'a');
      try {
        for (const size of [64 * 1024, 512]) writeUntilFull(file, size);
      } finally {
        closeSync(file);
      }
    });
  }

  /** No inode is free, so no file can be made; blocks are. */
  fillInodes(): void {
    mkdirSync(join(this.#mountPoint, 'files'));
    this.#keepFilling(() => {
      for (;;) {
        closeSync(openSync(join(this.#mountPoint, 'files', String(this.#files)), 'w'));
        this.#files += 1;
      }
    });
  }

  #keepFilling(more: () => void): void {
    const step = (): void => {
      try {
        more();
      } catch (error) {
        if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') throw error;
      }
    };
    step();
    this.#filler = setInterval(step, FILL_EVERY_MS);
  }

  free(): void {
    clearInterval(this.#filler);
    for (const name of ['fill', 'files']) rmSync(join(this.#mountPoint, name), { recursive: true, force: true });
  }

  /** As when ext4 finds a damaged block: it makes itself read-only, also for files that are open, until it is repaired. */
  async damage(): Promise<void> {
    const device = basename(await command('findmnt', '-no', 'SOURCE', this.#mountPoint));
    writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1');
  }

  /** Needs everything on it to be closed. */
  async repair(): Promise<void> {
    await waitFor('unmounted', MOUNT_LIMIT_MS, () =>
      command('umount', this.#mountPoint).then(
        () => true,
        () => false,
      ),
    );
    // Answers with 1 when it repaired something.
    await command('e2fsck', '-fy', this.#image).catch(() => '');
    await this.#mount();
  }
}

function writeUntilFull(file: number, size: number): void {
  const bytes = Buffer.alloc(size, 'x');
  try {
    for (;;) writeSync(file, bytes);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') throw error;
  }
}

/** One that answers as it is told: see `fuse-server.ts`. */
export class FuseDisk {
  readonly #control: string;

  private constructor(control: string) {
    this.#control = control;
  }

  static async make({ mountPoint, behind, guard }: DiskPlace): Promise<FuseDisk> {
    mkdirSync(mountPoint, { recursive: true });
    const control = join(behind, `${basename(mountPoint)}.control`);
    writeFileSync(control, '');
    guard.defer({ kind: 'unmount', folder: mountPoint });
    // Before it is unmounted: a mount whose server says nothing is busy.
    guard.defer({ kind: 'write', file: control, text: '' });
    const program = join(import.meta.dirname, 'fuse-server.ts');
    const server = spawn(process.execPath, [program, mountPoint, control], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    await new Promise<void>((resolve, reject) => {
      server.stdout?.once('data', () => resolve());
      server.once('exit', (code) => reject(new Error(`the FUSE server of ${mountPoint} ended with ${code}`)));
    });
    server.unref();
    return new FuseDisk(control);
  }

  /** `EIO`, `EROFS`, `STALL`, …; empty: healthy. */
  answerWith(word: string): void {
    writeFileSync(this.#control, word);
  }
}
