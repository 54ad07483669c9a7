/** Snapshots on their way to clients. Each holds a copy of everything until it is read, so only a few are made at once. */
import { LocumError } from '../../shared/errors.ts';
import { LIMITS } from '../../shared/limits.ts';
import { overloaded } from '../engine/pending-calls.ts';
import { encodeSnapshot } from '../snapshot/snapshot.ts';
import type { StateCopy } from '../snapshot/state-copy.ts';

/** A client that takes no piece for so long loses its snapshot: a few that hang must not keep everybody from making backups. */
export const READER_PATIENCE_MS = 60_000;

export class SnapshotStreams {
  readonly #open = new Set<object>();

  /** @throws LocumError OVERLOADED, SLOW_READER, and what `copy` throws */
  async *save(copy: () => Promise<StateCopy>): AsyncGenerator<{ readonly data: Uint8Array }> {
    if (this.#open.size >= LIMITS.snapshots) throw overloaded(`${LIMITS.snapshots} snapshots are being saved`);
    const place = {};
    this.#open.add(place);
    let pieces: Uint8Array[] = [];
    let isLate = false;
    let late: NodeJS.Timeout | undefined;
    const giveUp = (): void => {
      isLate = true;
      pieces = [];
      this.#open.delete(place);
    };
    try {
      pieces = [...(await encodeSnapshot(await copy(), Date.now()))];
      for (let data = pieces.shift(); data !== undefined; data = pieces.shift()) {
        late = setTimeout(giveUp, READER_PATIENCE_MS);
        yield { data };
        clearTimeout(late);
        if (isLate) throw slowReader();
      }
    } finally {
      clearTimeout(late);
      this.#open.delete(place);
    }
  }
}

function slowReader(): LocumError {
  const seconds = READER_PATIENCE_MS / 1_000;
  return new LocumError('SLOW_READER', `nothing of the snapshot was read for ${seconds} s: save it again`);
}
