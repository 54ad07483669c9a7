/** A small file that says how far a sink has come. Replaced as a whole, so that it is never half. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../../shared/caught-error.ts';
import { AUDIT_START, type AuditPosition } from './audit-position.ts';

/** Where it is kept how far a sink has come. */
export type PositionStore = Pick<PositionFile, 'read' | 'write'>;

/** For a controller that keeps nothing: what is in the store is sent again after each start. */
export function positionInMemory(): PositionStore {
  let reached = AUDIT_START;
  return {
    read: async () => reached,
    write: async (position) => {
      reached = position;
    },
  };
}

export class PositionFile {
  readonly path: string;
  readonly #clusterId: string;

  /** `clusterId`: numbers of another cluster mean nothing here. */
  constructor(path: string, clusterId: string) {
    this.path = path;
    this.#clusterId = clusterId;
  }

  /** The start, when there is none. @throws Error of another cluster's, or one that can't be read */
  async read(): Promise<AuditPosition> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return AUDIT_START;
      throw error;
    }
    const { clusterId, changes, access } = fieldsOf(text);
    if (!Number.isSafeInteger(changes) || !Number.isSafeInteger(access)) {
      throw new Error(`${this.path} is damaged: remove it, and what is kept is sent again`);
    }
    if (clusterId !== this.#clusterId) {
      throw new Error(`${this.path} is of another cluster (${String(clusterId)}): name another file, or remove it`);
    }
    return { CHANGES: Number(changes), ACCESS: Number(access) };
  }

  async write({ CHANGES: changes, ACCESS: access }: AuditPosition): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const draft = `${this.path}.new`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ clusterId: this.#clusterId, changes, access })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, this.path);
  }
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  } catch {
    return {};
  }
}
