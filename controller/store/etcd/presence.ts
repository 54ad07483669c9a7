/** Shows that a candidate is there: a key under a lease of its own, put again whenever the lease was lost. */
import { KV, Lease as LeaseService } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { Member } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { putOp } from './election.ts';
import { decode, encode, type Keys } from './keys.ts';
import { Lease } from './lease.ts';

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

  async #show(): Promise<void> {
    const { client, keys, candidate, ttlMs } = this.#options;
    const signal = AbortSignal.any([this.#over.signal, client.closing]);
    const lease = await Lease.grant(client, ttlMs, signal);
    this.#lease = lease;
    const success = [putOp(keys.member(lease.id), encode(candidate), lease.id)];
    await client.read(
      KV.method.txn,
      { success },
      { signal: AbortSignal.any([signal, lease.lost]), withinMs: Infinity },
    );
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
    return { candidate: decode(value), silentMs: Number(grantedTtl - ttl) * 1000 };
  });
  return (await Promise.all(members)).filter((member) => member !== undefined);
}
