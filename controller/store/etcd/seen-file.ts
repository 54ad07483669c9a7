/** Keeps what a controller has seen of its store in a file of its own, which is replaced as a whole. */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../../shared/caught-error.ts';
import { keepFolderPrivate } from '../private-folder.ts';
import { StoreError } from '../store.ts';
import { headOf, type Seen } from './seen.ts';

/** Where a controller keeps what it has seen. */
export interface SeenPlace {
  /** Its data directory; made if it is not there. */
  readonly folder: string;
  /** Id of the controller: several may share a folder. */
  readonly controller: string;
  /** Nobody named the folder: another cluster, or none, at the address of an earlier one is then a new trial. Default: somebody did. */
  readonly isDefault?: boolean | undefined;
}

const FORMAT = 1;
const NAME = /^(seen-.*|store\.sqlite.*|pki)$/;

export class SeenFile {
  readonly path: string;
  #isLast = false;

  /** One file for each store and controller. @throws what making the folder throws */
  constructor({ folder, controller }: SeenPlace, prefix: string) {
    keepFolderPrivate(folder, (name) => NAME.test(name));
    const store = createHash('sha256').update(prefix).digest('hex').slice(0, 12);
    this.path = join(folder, `seen-${controller}-${store}.json`);
  }

  /** Undefined: nothing was seen yet. @throws StoreError `CORRUPT`; what reading a file throws */
  read(): Seen | undefined {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    const seen = parse(text);
    if (seen !== undefined) return seen;
    const advice = 'Remove it, if it is certain that the data of etcd was not set back; it is made anew.';
    throw new StoreError('CORRUPT', `${this.path} is not what Locum writes there. ${advice}`);
  }

  /** At once, and for good: for a process that is about to end. @throws what writing throws */
  writeLast(seen: Seen): void {
    this.#isLast = true;
    const draft = `${this.path}.last`;
    writeFileSync(draft, textOf(seen), { mode: 0o600, flush: true });
    renameSync(draft, this.path);
  }

  /** Resolves when it is on the disk. One at a time. */
  async write(seen: Seen): Promise<void> {
    const draft = `${this.path}.new`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(textOf(seen));
      await file.sync();
    } finally {
      await file.close();
    }
    // What was seen last stands there by now.
    if (this.#isLast) return;
    await rename(draft, this.path);
    const folder = await open(dirname(this.path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function textOf({ clusterId, incarnation, etcdClusterId, revision, head }: Seen): string {
  const value = {
    format: FORMAT,
    clusterId,
    incarnation,
    etcdClusterId,
    revision: String(revision),
    head: { revision: String(head.revision), text: head.text },
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function parse(text: string): Seen | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { format, clusterId, incarnation, etcdClusterId, revision, head } = fieldsOf(value);
  const { revision: headRevision, text: headText } = fieldsOf(head);
  if (format !== FORMAT || typeof clusterId !== 'string' || typeof etcdClusterId !== 'string') return undefined;
  if (!Number.isSafeInteger(incarnation) || !isRevision(revision)) return undefined;
  if (!isRevision(headRevision) || typeof headText !== 'string' || !isHead(headText)) return undefined;
  const seenHead = { revision: BigInt(headRevision), text: headText };
  return { clusterId, incarnation: Number(incarnation), etcdClusterId, revision: BigInt(revision), head: seenHead };
}

function isHead(text: string): boolean {
  try {
    headOf(text);
    return true;
  } catch {
    return false;
  }
}

const isRevision = (value: unknown): value is string => typeof value === 'string' && /^\d+$/.test(value);

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
