/**
 * Snapshots on their way to clients. Each holds a copy of everything until it is read, so only a few are kept, of so many bytes together,
 * and one is made at a time.
 */
import { LocumError } from '../../shared/errors.ts';
import { LIMITS } from '../../shared/limits.ts';
import { overloaded } from '../engine/pending-calls.ts';
import { encodeSnapshot } from '../snapshot/snapshot.ts';
import type { StateCopy } from '../snapshot/state-copy.ts';

/** A client that takes no piece for so long loses its snapshot: a few that hang must not keep everybody from making backups. */
export const READER_PATIENCE_MS = 60_000;
/** The same, when another one needs the room. */
export const READER_PATIENCE_IN_NEED_MS = 5_000;

/** A snapshot that is made or read. */
class Saving {
  pieces: Uint8Array[] = [];
  /** Of the pieces; while it is made: of the one before. */
  bytes: number;
  isLate = false;
  /** Since when its client takes no piece; undefined: it waits for us. */
  waitsSinceMs: number | undefined;

  constructor(bytes: number) {
    this.bytes = bytes;
  }
}

export class SnapshotStreams {
  readonly #open = new Set<Saving>();
  readonly #limitBytes: number;
  /** Settles when none is being made. */
  #made: Promise<unknown> = Promise.resolve();
  #lastBytes = 0;

  constructor(limitBytes = LIMITS.snapshotBytes) {
    this.#limitBytes = limitBytes;
  }

  /** @throws LocumError OVERLOADED, SLOW_READER, and what `copy` throws */
  async *save(copy: () => Promise<StateCopy>): AsyncGenerator<{ readonly data: Uint8Array }> {
    if (this.#open.size >= LIMITS.snapshots) throw overloaded(`${LIMITS.snapshots} snapshots are being saved`);
    const saving = new Saving(this.#lastBytes);
    this.#open.add(saving);
    let late: NodeJS.Timeout | undefined;
    try {
      await this.#make(saving, copy);
      for (let data = saving.pieces.shift(); data !== undefined; data = saving.pieces.shift()) {
        late = setTimeout(() => this.#giveUp(saving), READER_PATIENCE_MS);
        saving.waitsSinceMs = Date.now();
        yield { data };
        saving.waitsSinceMs = undefined;
        saving.bytes -= data.length;
        clearTimeout(late);
        if (saving.isLate) throw slowReader();
      }
    } finally {
      clearTimeout(late);
      this.#open.delete(saving);
    }
  }

  /** When its turn comes: only then is it known how large those before it are. */
  #make(saving: Saving, copy: () => Promise<StateCopy>): Promise<void> {
    const making = this.#made.then(async () => {
      this.#makeRoom(saving);
      saving.pieces = [...(await encodeSnapshot(await copy(), Date.now()))];
      saving.bytes = saving.pieces.reduce((sum, { length }) => sum + length, 0);
      this.#lastBytes = saving.bytes;
    });
    this.#made = making.catch(() => undefined);
    return making;
  }

  /** For one that is as large as the last one. @throws LocumError OVERLOADED */
  #makeRoom(wanted: Saving): void {
    wanted.bytes = this.#lastBytes;
    for (const one of this.#open) {
      if (this.#fits()) return;
      const waitedMs = Date.now() - (one.waitsSinceMs ?? Number.POSITIVE_INFINITY);
      if (waitedMs >= READER_PATIENCE_IN_NEED_MS) this.#giveUp(one);
    }
    if (!this.#fits()) throw overloaded('snapshots that are not read yet take all the room there is for them');
  }

  #fits(): boolean {
    const total = [...this.#open].reduce((sum, { bytes }) => sum + bytes, 0);
    return total <= this.#limitBytes || this.#open.size === 1;
  }

  #giveUp(saving: Saving): void {
    saving.isLate = true;
    saving.pieces = [];
    this.#open.delete(saving);
  }
}

function slowReader(): LocumError {
  return new LocumError('SLOW_READER', 'nothing of the snapshot was read for too long: save it again');
}
