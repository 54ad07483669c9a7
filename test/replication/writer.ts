/** Writes on and on, through all controllers, and remembers what was acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectError } from '@connectrpc/connect';
import { ALL_REPLICAS_TIMEOUT_MS, type ReplicatedCluster } from './replicated-cluster.ts';

/** Between two writes: what is written stays, and a leader has to load it. */
const PAUSE_MS = 100;

export class Writer {
  readonly #cluster: ReplicatedCluster;
  readonly #name: string;
  readonly #acknowledged: string[] = [];
  readonly #stop = new AbortController();
  #written = 0;
  #ended: Promise<void> | undefined;
  /** Longest time between two answers since `begin` or the last call of `takeLongestGapMs`. */
  #longestGapMs = 0;

  /** `name`: what it writes begins with it. */
  constructor(cluster: ReplicatedCluster, name = 'written') {
    this.#cluster = cluster;
    this.#name = name;
  }

  begin(): void {
    this.#ended ??= this.#write();
  }

  /** How long nobody answered, since the last time it was asked. */
  takeLongestGapMs(): number {
    const longest = this.#longestGapMs;
    this.#longestGapMs = 0;
    return longest;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  /** Names of what was acknowledged. */
  get names(): readonly string[] {
    return this.#acknowledged;
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** Acknowledged writes that are not there. */
  async lost(): Promise<string[]> {
    const there = new Set<string>();
    let pageToken = '';
    do {
      const page = await this.#cluster.api.policies.listPolicies({ pageSize: 500, pageToken });
      for (const { name } of page.policies) there.add(name);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return this.#acknowledged.filter((name) => !there.has(name));
  }

  async #write(): Promise<void> {
    let lastMs = performance.now();
    while (!this.#stop.signal.aborted) {
      const id = `${this.#name}-${this.#written}`;
      this.#written += 1;
      const policy = this.#cluster.witness.brief(id, {
        pool: 'pools/default',
        trigger: { kind: { case: 'onDemand', value: {} } },
      });
      try {
        await this.#cluster.api.policies.createPolicy({ policy }, { timeoutMs: ALL_REPLICAS_TIMEOUT_MS });
        this.#acknowledged.push(`policies/${id}`);
        this.#longestGapMs = Math.max(this.#longestGapMs, performance.now() - lastMs);
        lastMs = performance.now();
      } catch (error) {
        // Not acknowledged: it may be there or not.
        if (!(error instanceof ConnectError)) return;
      }
      await sleep(PAUSE_MS);
    }
  }
}
