/** Shows that a candidate is there: a key under a lease of its own, put again whenever the lease was lost. */
import { KV, Lease as LeaseService } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { Member } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { decode, encode, type Keys } from './keys.ts';
import { Lease } from './lease.ts';
import { putOp } from './term-writer.ts';

export interface PresenceOptions {
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly candidate: string;
  readonly ttlMs: number;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #over = new AbortController();
  #lease: Lease | undefined;
  #note = '';

  private constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Resolves when it shows for the first time. Only the loss of a lease makes it write again. */
  static async begin(options: PresenceOptions): Promise<Presence> {
    const presence = new Presence(options);
    await presence.#show();
    void presence.#keepShowing();
    return presence;
  }

  /** It is gone from the members at once. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#lease?.revoke();
  }

  /** One write. */
  async note(text: string): Promise<void> {
    this.#note = text;
    // A lease that was lost: the note is put with the key, in a moment.
    if (this.#lease?.isAlive()) await this.#put(this.#lease);
  }

  async #show(): Promise<void> {
    const { client, ttlMs } = this.#options;
    const signal = AbortSignal.any([this.#over.signal, client.closing]);
    this.#lease = await Lease.grant(client, ttlMs, signal);
    await this.#put(this.#lease);
  }

  async #put(lease: Lease): Promise<void> {
    const { client, keys, candidate } = this.#options;
    const signal = AbortSignal.any([this.#over.signal, client.closing, lease.lost]);
    const success = [putOp(keys.member(lease.id), encode(memberText(candidate, this.#note)), lease.id)];
    await client.read(KV.method.txn, { success }, { signal, withinMs: Infinity });
  }

  async #keepShowing(): Promise<void> {
    const { client } = this.#options;
    const signal = AbortSignal.any([this.#over.signal, client.closing]);
    while (!signal.aborted) {
      await ended(this.#lease?.lost, signal);
      if (signal.aborted) return;
      // A lease that was lost again before the key was put, or a refusal by etcd: the next round tells.
      await this.#show().catch(() => client.pause(signal).catch(() => {}));
    }
  }
}

/** The candidate, and a line for the note if there is one. */
const memberText = (candidate: string, note: string): string => (note === '' ? candidate : `${candidate}\n${note}`);

function parseMember(text: string): Pick<Member, 'candidate' | 'note'> {
  const end = text.indexOf('\n');
  return end < 0 ? { candidate: text, note: '' } : { candidate: text.slice(0, end), note: text.slice(end + 1) };
}

/** Resolves when either aborts. */
function ended(lost: AbortSignal | undefined, stop: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const either = lost === undefined ? stop : AbortSignal.any([lost, stop]);
  either.addEventListener('abort', () => resolve(), { once: true });
  if (either.aborted) resolve();
  return promise;
}

/** Everyone who shows, with the time since the lease was last renewed, as etcd counts it. Rejects with an EtcdFault. */
export async function readMembers(client: EtcdClient, keys: Keys): Promise<Member[]> {
  const { kvs } = await client.read(KV.method.range, keys.members);
  const members = kvs.map(async ({ lease, value }): Promise<Member | undefined> => {
    const { ttl, grantedTtl } = await client.read(LeaseService.method.leaseTimeToLive, { id: lease });
    // It ended between the two reads.
    if (ttl < 0n) return undefined;
    return { ...parseMember(decode(value)), silentMs: Number(grantedTtl - ttl) * 1000 };
  });
  return (await Promise.all(members)).filter((member) => member !== undefined);
}
