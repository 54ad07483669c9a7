/**
 * One etcd member of our own, for what a real one can't be made to do at will: transactions whose answer is lost, that never
 * arrive, or that are done long after they were given up.
 */
import { create } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { ELECTION_TRY_MS, TRY_MS } from '../../controller/store/etcd/client.ts';
import {
  type Compare,
  Compare_CompareTarget,
  KV,
  type RequestOp,
  type ResponseOp,
  ResponseOpSchema,
  type TxnRequest,
  type TxnResponse,
  TxnResponseSchema,
} from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import { addService } from '../../shared/rpc/grpc-js-binding.ts';

/** What to do with the next transaction. */
export type Fate =
  | 'answer'
  /** Done, and the answer is lost. */
  | 'lose'
  /** Never arrives. */
  | 'drop'
  /** Given up by the caller, and done when `doLate` is called. */
  | 'late'
  /** Done, and answered when a first try in an election has been given up. */
  | 'slow'
  /** Never answered. */
  | 'hang'
  | 'full'
  | 'busy'
  /** As an etcd with a smaller `--max-request-bytes` than is the default. */
  | 'too_large';

interface Entry {
  readonly value: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
}

/** Longer than a first try in an election, shorter than any other. */
const SLOW_MS = (ELECTION_TRY_MS + TRY_MS) / 2;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export class FakeEtcd {
  readonly #server = new grpc.Server();
  readonly #entries = new Map<string, Entry>();
  readonly #late: TxnRequest[] = [];
  readonly #fates: Fate[] = [];
  #revision = 1n;
  #port = 0;
  /** Transactions that were done and whose comparison held. */
  done = 0;
  /** Called after each of these. */
  onDone: () => void = () => {};

  async listen(): Promise<void> {
    const unimplemented = (_: unknown, callback: grpc.sendUnaryData<never>): void => {
      callback({ code: grpc.status.UNIMPLEMENTED, details: 'not faked' });
    };
    addService(this.#server, KV, {
      range: unimplemented,
      compact: unimplemented,
      txn: (call, callback) => this.#txn(call.request, callback),
    });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
    this.#port = await promise;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Decides the coming transactions, in order; those after them are answered. */
  plan(...fates: Fate[]): void {
    this.#fates.push(...fates);
  }

  put(key: Uint8Array, value: Uint8Array): bigint {
    this.#revision += 1n;
    this.#write(text(key), value);
    return this.#revision;
  }

  remove(key: Uint8Array): void {
    this.#revision += 1n;
    this.#entries.delete(text(key));
  }

  /** Keys that begin with a text. */
  keysBelow(prefix: string): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix));
  }

  get(key: Uint8Array): string | undefined {
    const entry = this.#entries.get(text(key));
    return entry === undefined ? undefined : text(entry.value);
  }

  get waitingLate(): number {
    return this.#late.length;
  }

  /** Does what was planned as `late`. */
  doLate(): void {
    for (const request of this.#late.splice(0)) this.#do(request);
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #txn(request: TxnRequest, callback: grpc.sendUnaryData<TxnResponse>): void {
    const fate = this.#fates.shift() ?? 'answer';
    const fail = (code: grpc.status, details: string): void => callback({ code, details });
    switch (fate) {
      case 'answer':
        callback(null, this.#do(request));
        return;
      case 'lose':
        this.#do(request);
        fail(grpc.status.UNAVAILABLE, 'the answer is lost');
        return;
      case 'late':
        this.#late.push(request);
        fail(grpc.status.UNAVAILABLE, 'the answer is late');
        return;
      case 'slow':
        setTimeout(() => callback(null, this.#do(request)), SLOW_MS);
        return;
      case 'hang':
        return;
      case 'drop':
        fail(grpc.status.UNAVAILABLE, 'the request is lost');
        return;
      case 'full':
        fail(grpc.status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded');
        return;
      case 'busy':
        fail(grpc.status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests');
        return;
      case 'too_large':
        fail(grpc.status.INVALID_ARGUMENT, 'etcdserver: request is too large');
        return;
      default:
        fate satisfies never;
    }
  }

  #do(request: TxnRequest): TxnResponse {
    const succeeded = request.compare.every((compare) => this.#holds(compare));
    if (succeeded) {
      this.done += 1;
      this.#revision += 1n;
    }
    const responses = (succeeded ? request.success : request.failure).map((op) => this.#perform(op));
    const response = create(TxnResponseSchema, { header: { revision: this.#revision }, succeeded, responses });
    if (succeeded) this.onDone();
    return response;
  }

  #holds({ target, key, targetUnion }: Compare): boolean {
    const entry = this.#entries.get(text(key));
    if (target === Compare_CompareTarget.CREATE) return targetUnion.value === (entry?.createRevision ?? 0n);
    const { value } = targetUnion;
    return entry !== undefined && value instanceof Uint8Array && Buffer.compare(entry.value, value) === 0;
  }

  #perform({ request }: RequestOp): ResponseOp {
    if (request.case === 'requestPut') this.#write(text(request.value.key), request.value.value);
    if (request.case === 'requestDeleteRange') this.#delete(text(request.value.key), text(request.value.rangeEnd));
    if (request.case !== 'requestRange') return create(ResponseOpSchema, {});
    const entry = this.#entries.get(text(request.value.key));
    const kvs = entry === undefined ? [] : [{ key: request.value.key, ...entry }];
    return create(ResponseOpSchema, { response: { case: 'responseRange', value: { kvs } } });
  }

  /** Keys are ASCII here, so that the order of texts is that of bytes. */
  #delete(key: string, rangeEnd: string): void {
    if (rangeEnd === '') this.#entries.delete(key);
    else for (const found of this.#entries.keys()) if (found >= key && found < rangeEnd) this.#entries.delete(found);
  }

  #write(key: string, value: Uint8Array): void {
    const createRevision = this.#entries.get(key)?.createRevision ?? this.#revision;
    this.#entries.set(key, { value, createRevision, modRevision: this.#revision });
  }
}
