/**
 * Watches that a store in etcd goes on from what was seen of it (ADR 0016): after each election, whenever a watch begins, and every few
 * seconds. What it saw last is remembered in a file, off the path of commits. A store that was set back ends everything here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KV } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { KeyValue } from '../../../shared/gen/mvccpb/kv_pb.ts';
import { StoreError } from '../store.ts';
import type { EtcdClient, ReadOptions } from './client.ts';
import { EtcdFault } from './fault.ts';
import { decode, type IdentityValue, type Keys } from './keys.ts';
import { type Found, type HeadSeen, type Seen, storeBehind, whatWasLost } from './seen.ts';
import type { SeenFile } from './seen-file.ts';

/** Between two looks: what was seen after the last of them is not remembered by a controller that is killed. */
const LOOK_MS = 5_000;
/** How long the end waits for a disk. */
const SAVE_MS = 1_000;

export interface LineageOptions {
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly identity: IdentityValue;
  /** Undefined: it is remembered for as long as the process lives. */
  readonly file: SeenFile | undefined;
  /** Told once in a row when it can't be remembered. */
  readonly warn: (warning: string) => void;
}

export class Lineage {
  readonly #options: LineageOptions;
  #head: HeadSeen = { revision: 0n, text: '' };
  #saved: string | undefined;
  #saving: Promise<void> | undefined;
  #warned = false;

  constructor(options: LineageOptions) {
    this.#options = options;
    const { closing } = options.client;
    closing.addEventListener('abort', () => this.#saveAtTheEnd(closing.reason), { once: true });
    void this.#keepLooking();
  }

  /** Whoever hears that the store is behind ends the process, and the next one has to know as much as this one. */
  #saveAtTheEnd(reason: unknown): void {
    const { file } = this.#options;
    const isBehind = reason instanceof StoreError && reason.reason === 'STORE_BEHIND';
    if (file === undefined || !isBehind || !this.#hasLooked) return;
    try {
      file.writeLast(this.#seen());
    } catch (error) {
      this.#warnOf(error);
    }
  }

  /** Without a look there is nothing yet that a later one could be compared with. */
  get #hasLooked(): boolean {
    return this.#head.revision !== 0n;
  }

  #warnOf(error: unknown): void {
    if (!this.#warned) this.#options.warn(`what was seen of the store can't be remembered: ${String(error)}`);
    this.#warned = true;
  }

  /** Rejects with a StoreError `STORE_BEHIND`, and closes the client with it, when something is lost; with an EtcdFault without an answer. */
  async look(options: ReadOptions = {}): Promise<void> {
    const { client, keys, identity } = this.#options;
    const seen = this.#seen();
    const { head, etcdClusterId } = await readHead(client, keys, options);
    const headThen = await readHeadThen({ client, keys, seen, head }, options);
    const lost = whatWasLost(seen, { identity, etcdClusterId, head, headThen });
    if (lost !== undefined) {
      client.close(storeBehind(lost));
      client.closing.throwIfAborted();
    }
    this.sawHead(head);
    this.#save();
  }

  /** A head that was put, read or told of by a watch: what is compared with is the newest. They may come in any order. */
  sawHead(head: HeadSeen): void {
    if (head.revision > this.#head.revision) this.#head = head;
  }

  /** Resolves when all that was seen is on the disk, or can't be brought there now. */
  async settle(): Promise<void> {
    const late = sleep(SAVE_MS, undefined, { ref: false });
    // What is being written may be older than what is to be.
    await Promise.race([this.#saving, late]);
    this.#save();
    await Promise.race([this.#saving, late]);
  }

  async #keepLooking(): Promise<void> {
    const { closing } = this.#options.client;
    while (!closing.aborted) {
      await sleep(LOOK_MS, undefined, { signal: closing, ref: false }).catch(() => {});
      // Without an answer now, a later look will do.
      if (!closing.aborted) await this.look({ signal: closing }).catch(() => {});
    }
  }

  #seen(): Seen {
    const { clusterId, incarnation, etcdClusterId } = this.#options.identity;
    const { revision } = this.#options.client;
    return { clusterId, incarnation, etcdClusterId, revision, head: this.#head };
  }

  /** One write at a time; what changes meanwhile is written with the next look. */
  #save(): void {
    const { file } = this.#options;
    const seen = this.#seen();
    const state = `${seen.revision} ${seen.head.revision}`;
    if (file === undefined || this.#saving !== undefined || state === this.#saved || !this.#hasLooked) return;
    const saving = file.write(seen);
    this.#saving = saving
      .then(
        () => {
          this.#saved = state;
          this.#warned = false;
        },
        (error: unknown) => this.#warnOf(error),
      )
      .finally(() => {
        this.#saving = undefined;
      });
  }
}

/** The head as it was put. */
export const headIn = ({ modRevision, value }: KeyValue): HeadSeen => ({ revision: modRevision, text: decode(value) });

/** The head now, by a linearizable read. Rejects with an EtcdFault. */
export async function readHead(client: EtcdClient, { head: key }: Keys, options: ReadOptions = {}) {
  const { header, kvs } = await client.read(KV.method.range, { key }, options);
  const value = kvs[0]?.value;
  const head: HeadSeen = { revision: header?.revision ?? 0n, text: value === undefined ? '' : decode(value) };
  return { head, etcdClusterId: String(header?.clusterId ?? 0n) };
}

interface Then {
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly seen: Seen;
  /** The head now. */
  readonly head: HeadSeen;
}

/** The head at the revision at which it was seen. Undefined: that is no longer kept, or not there yet. Rejects with an EtcdFault. */
export async function readHeadThen(
  { client, keys, seen, head }: Then,
  options: ReadOptions = {},
): Promise<Found['headThen']> {
  const { revision } = seen.head;
  if (revision === 0n || revision > head.revision) return undefined;
  if (revision === head.revision) return head.text;
  try {
    const value = (await client.read(KV.method.range, { key: keys.head, revision }, options)).kvs[0]?.value;
    return value === undefined ? '' : decode(value);
  } catch (error) {
    if (error instanceof EtcdFault && error.kind === 'compacted') return undefined;
    throw error;
  }
}
