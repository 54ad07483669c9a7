/**
 * An etcd lease, and this process's own idea of how long it lives: from the **sending** of the last keepalive that was answered.
 * etcd counts from later, so the leadership is given up here before the lease can have ended there. Only the speed of failover
 * rests on this; safety rests on the term that guards every commit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { LeaseKeepAliveRequestSchema, Lease as LeaseService } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import { type EtcdClient, firstOf, TRY_MS } from './client.ts';

/** Part of the time to live that is kept for clocks that run at different rates. */
const MARGIN = 0.1;

export class Lease {
  readonly id: bigint;
  readonly #client: EtcdClient;
  readonly #lost = new AbortController();
  readonly #stop = new AbortController();
  #ttlMs: number;
  #validUntilMs: number;
  #revoked: Promise<void> | undefined;
  #deadline: NodeJS.Timeout | undefined;

  private constructor(client: EtcdClient, id: bigint, ttlMs: number, sentMs: number) {
    this.#client = client;
    this.id = id;
    this.#ttlMs = ttlMs;
    this.#validUntilMs = sentMs + ttlMs * (1 - MARGIN);
  }

  /** Grants a lease and keeps it alive. Tries until it has one, or the signal aborts. */
  static async grant(client: EtcdClient, ttlMs: number, signal: AbortSignal): Promise<Lease> {
    const ttl = BigInt(Math.ceil(ttlMs / 1000));
    for (;;) {
      const sentMs = performance.now();
      const granted = await client.read(LeaseService.method.leaseGrant, { ttl }, { signal, withinMs: Infinity });
      const lease = new Lease(client, granted.id, Number(granted.ttl) * 1000, sentMs);
      // One that came late, after many tries, may be nearly over: its clock began at the first of them.
      if (lease.isAlive()) {
        lease.#arm();
        void lease.#keepAlive();
        return lease;
      }
    }
  }

  /** Aborted, with words, when the lease may have ended. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** By this process's clock; a timer can be late, so ask before acting. */
  isAlive(): boolean {
    if (performance.now() >= this.#validUntilMs) {
      this.#lose('etcd did not renew the lease of the leadership in time.');
    }
    return !this.#lost.signal.aborted;
  }

  /** Ends the lease; what it carries is deleted. If etcd can't be asked now, it ends by itself. */
  revoke(): Promise<void> {
    this.#revoked ??= this.#revoke();
    return this.#revoked;
  }

  async #revoke(): Promise<void> {
    this.#lose('The lease of the leadership was given up.');
    try {
      await this.#client.read(LeaseService.method.leaseRevoke, { id: this.id }, { withinMs: TRY_MS });
    } catch {
      // Gone already, or out of reach.
    }
  }

  async #keepAlive(): Promise<void> {
    const stop = AbortSignal.any([this.#stop.signal, this.#client.closing]);
    while (!stop.aborted) {
      const renewed = await this.#renew();
      if (stop.aborted) return;
      if (renewed) await sleep(this.#ttlMs / 3, undefined, { signal: stop, ref: false }).catch(() => {});
      else await this.#client.pause(stop).catch(() => {});
    }
  }

  async #renew(): Promise<boolean> {
    const sentMs = performance.now();
    try {
      const stream = await this.#client.open(LeaseService.method.leaseKeepAlive);
      try {
        stream.call.write(create(LeaseKeepAliveRequestSchema, { id: this.id }));
        const { ttl } = await firstOf(stream, Math.min(TRY_MS, this.#ttlMs / 3));
        if (ttl === 0n) this.#lose('The lease of the leadership ended in etcd.');
        this.#ttlMs = Number(ttl) * 1000;
        this.#validUntilMs = sentMs + this.#ttlMs * (1 - MARGIN);
        this.#arm();
        return true;
      } catch (error) {
        this.#client.ended(stream, error);
      }
    } catch {
      // No token, or the client is closed: the next round tells.
    }
    return false;
  }

  #arm(): void {
    clearTimeout(this.#deadline);
    if (this.#lost.signal.aborted) return;
    // A timer of whole milliseconds may be early by part of one, and finds the lease alive: then it is set again.
    const look = (): void => {
      if (this.isAlive()) this.#arm();
    };
    this.#deadline = setTimeout(look, this.#validUntilMs - performance.now() + 1);
    this.#deadline.unref();
  }

  #lose(reason: string): void {
    clearTimeout(this.#deadline);
    this.#stop.abort();
    if (!this.#lost.signal.aborted) this.#lost.abort(new Error(reason));
  }
}
