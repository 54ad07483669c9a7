/** An etcd client that meets a fault before or after one of its writes. */
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { type EtcdAccess, EtcdClient } from '../../controller/store/etcd/client.ts';
import { EtcdFault } from '../../controller/store/etcd/fault.ts';
import { KV, Lease } from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { FaultPlan } from './store-world.ts';

const WRITES: ReadonlySet<unknown> = new Set([KV.method.txn, Lease.method.leaseGrant, Lease.method.leaseRevoke]);

/** Of a process that is gone. */
const never = <T>(): Promise<T> => new Promise<T>(() => {});

export class FaultyEtcdClient extends EtcdClient {
  readonly #plan: FaultPlan;
  readonly #gone = Promise.withResolvers<void>();
  #dead = false;
  #held: (() => Promise<unknown>) | undefined;
  passed = 0;

  constructor(endpoints: readonly string[], access: EtcdAccess, plan: FaultPlan) {
    super(endpoints, access);
    this.#plan = plan;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Sends what a dead process was about to send. */
  async arriveLate(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    await held?.().catch(() => {});
  }

  override async attempt<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
    tryMs?: number,
  ): Promise<MessageShape<O>> {
    if (this.#dead) return never();
    if (!WRITES.has(method)) return super.attempt(method, request, signal, tryMs);
    await this.#pass(() => super.attempt(method, request));
    const answer = await super.attempt(method, request, signal, tryMs);
    await this.#pass();
    return answer;
  }

  override async open(...args: Parameters<EtcdClient['open']>): Promise<never> {
    return this.#dead ? never() : (super.open(...args) as Promise<never>);
  }

  async #pass(send?: () => Promise<unknown>): Promise<void> {
    const { fault, at, onPoint } = this.#plan;
    await onPoint?.();
    this.passed += 1;
    if (this.passed !== at + 1) return;
    if (fault === 'no answer') throw new EtcdFault('unknown', 'a fault of the test');
    if (fault === 'dies, arrives late') this.#held = send;
    this.#dead = true;
    this.#gone.resolve();
    await never();
  }
}
