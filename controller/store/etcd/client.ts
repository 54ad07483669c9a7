/**
 * Calls to an etcd cluster. One member is used until it fails, then the next in order; when all have failed in a row, each
 * further try waits (exponential, full jitter). One channel over all addresses would stay on a member that is hung.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodUnary,
  isMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { present } from '../../../shared/assert.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import { Auth, KV, ResponseHeaderSchema } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import { StoreError } from '../store.ts';
import { EtcdFault, faultOf } from './fault.ts';
import { type CallOptions, EtcdMember } from './member.ts';
import { storeBehind } from './seen.ts';

export interface EtcdAccess {
  /** PEM texts. Left out: plaintext. Empty: TLS with the system's own authorities. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly login?: { readonly user: string; readonly password: string };
}

/** One try of one call; a hung member costs this much once. */
export const TRY_MS = 1_000;
/**
 * The first try of a request that decides who leads: while it hangs, nobody does. A member may hang, and an etcd that has just elected a
 * leader of its own never answers what the old one was asked. An etcd that is only slow has the time of the further tries.
 */
export const ELECTION_TRY_MS = 400;
/** How long a read goes on trying before it says that the store is unavailable. */
const READ_MS = 5_000;
/** Short, since a lease of seconds may have to be renewed in between. */
const PAUSE = { baseMs: 25, capMs: 250 };

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** How long it goes on trying. Default 5 s. */
  readonly withinMs?: number;
  /** How long the first try may take. Default TRY_MS, as for all others. */
  readonly firstTryMs?: number;
}

export interface Stream<I, O> {
  readonly member: EtcdMember;
  readonly call: grpc.ClientDuplexStream<I, O>;
}

export class EtcdClient {
  readonly #members: readonly EtcdMember[];
  readonly #login: EtcdAccess['login'];
  readonly #closing = new AbortController();
  #at = 0;
  /** Members left in a row without a success in between. */
  #failures = 0;
  #token: Promise<string> | undefined;
  #revision = 0n;

  constructor(endpoints: readonly string[], { tls, login }: EtcdAccess) {
    const credentials =
      tls === undefined
        ? grpc.credentials.createInsecure()
        : grpc.credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
    this.#members = endpoints.map((endpoint) => new EtcdMember(endpoint, credentials));
    this.#login = login;
  }

  get endpoints(): readonly string[] {
    return this.#members.map((member) => member.address);
  }

  /** Aborted, with the error for callers, when the client is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The highest revision that a question about keys was answered from. */
  get revision(): bigint {
    return this.#revision;
  }

  /** Something came from this revision, by a watch too: no later answer may be from before it. */
  saw(revision: bigint): void {
    if (revision > this.#revision) this.#revision = revision;
  }

  /** One try on the member in use. Rejects with an EtcdFault; the next call then goes to another member if this one is to blame. */
  async attempt<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
    tryMs = TRY_MS,
  ): Promise<MessageShape<O>> {
    const member = this.#member();
    try {
      return await this.#attemptOn(member, method, request, { signal, timeoutMs: tryMs });
    } catch (error) {
      if (!(error instanceof EtcdFault) || error.kind !== 'unauthenticated' || this.#login === undefined) throw error;
      // Tokens end by themselves; with a new one the same request is as good as before.
      this.#token = undefined;
      return this.#attemptOn(member, method, request, { signal, timeoutMs: tryMs });
    }
  }

  /** Tries until there is an answer: for requests that may be done twice. Rejects with an EtcdFault or the signal's reason. */
  async read<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: ReadOptions = {},
  ): Promise<MessageShape<O>> {
    const { signal, withinMs = READ_MS, firstTryMs } = options;
    const giveUpMs = performance.now() + withinMs;
    let tryMs = firstTryMs;
    for (;;) {
      try {
        return await this.attempt(method, request, signal, tryMs);
      } catch (error) {
        signal?.throwIfAborted();
        const again = error instanceof EtcdFault && (error.kind === 'unknown' || error.kind === 'busy');
        if (!again || performance.now() >= giveUpMs) throw error;
        tryMs = TRY_MS;
        await this.pause(signal);
      }
    }
  }

  /** One try on every member at once, each by itself. */
  onEach<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<ReadonlyArray<readonly [address: string, PromiseSettledResult<MessageShape<O>>]>> {
    return Promise.all(
      this.#members.map(async (member) => {
        const call = async () =>
          member.unary(method, request, { metadata: await this.#metadata(member), timeoutMs: TRY_MS });
        const [result] = await Promise.allSettled([call()]);
        return [member.address, result] as const;
      }),
    );
  }

  /** Opens a stream on the member in use. It ends by itself when that member is cut off from the others. */
  async open<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
  ): Promise<Stream<MessageShape<I>, MessageShape<O>>> {
    const member = this.#member();
    try {
      return { member, call: member.bidi(method, await this.#metadata(member)) };
    } catch (error) {
      this.#blame(member, error);
      throw error;
    }
  }

  /** Whether a member answers at all. */
  async answers<I extends DescMessage, O extends DescMessage>(
    member: EtcdMember,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await member.unary(method, request, { metadata: await this.#metadata(member), timeoutMs: TRY_MS, signal });
      return true;
    } catch (error) {
      // Any answer will do, also a refusal.
      return error instanceof EtcdFault && error.kind !== 'unknown';
    }
  }

  /** Says that a member failed: the next call goes to the next one. */
  leave(member: EtcdMember): void {
    if (this.#members[this.#at] !== member) return;
    this.#at = (this.#at + 1) % this.#members.length;
    this.#failures += 1;
  }

  /** Says that a stream ended, and why if it failed: the next one goes to another member, or takes a new token. */
  ended({ member }: { readonly member: EtcdMember }, error?: unknown): void {
    const fault = isServiceError(error) ? faultOf(member.address, error) : error;
    if (fault instanceof EtcdFault && fault.kind === 'unauthenticated') this.#token = undefined;
    else this.leave(member);
  }

  /** Waits before the next try: not at all while there are members not tried yet. */
  async pause(signal?: AbortSignal): Promise<void> {
    const rounds = this.#failures - this.#members.length;
    const waitMs = rounds < 0 ? 0 : backoffMs(PAUSE, rounds, Math.random());
    const stop = signal === undefined ? this.closing : AbortSignal.any([signal, this.closing]);
    try {
      // It holds the process: while a first member is waited for, nothing else may.
      await sleep(waitMs, undefined, { signal: stop });
    } catch {
      stop.throwIfAborted();
    }
  }

  /** `reason`: what callers are told from now on. */
  close(reason = new StoreError('STORE_UNAVAILABLE', 'The store is closed.')): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(reason);
    for (const member of this.#members) member.close();
  }

  #member(): EtcdMember {
    this.closing.throwIfAborted();
    return present(this.#members[this.#at], 'an etcd cluster without members');
  }

  async #attemptOn<I extends DescMessage, O extends DescMessage>(
    member: EtcdMember,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    { signal, timeoutMs }: Omit<CallOptions, 'metadata'>,
  ): Promise<MessageShape<O>> {
    try {
      const metadata = await this.#metadata(member);
      const seen = this.#revision;
      const response = await member.unary(method, request, { metadata, timeoutMs, signal });
      this.#failures = 0;
      if (method.parent === KV && 'header' in response) this.#follow(response.header, seen);
      return response;
    } catch (error) {
      this.closing.throwIfAborted();
      // Nobody asks for a revision that etcd has not answered from before.
      if (error instanceof EtcdFault && error.kind === 'future') this.#endBehind(error.message);
      if (signal?.aborted !== true) this.#blame(member, error);
      throw error;
    }
  }

  /** Questions about keys are linearizable: none is answered from before what was answered when it was asked. */
  #follow(header: unknown, seen: bigint): void {
    if (!isMessage(header, ResponseHeaderSchema)) return;
    if (header.revision < seen)
      this.#endBehind(`It was at revision ${seen}, and answers from revision ${header.revision}`);
    this.saw(header.revision);
  }

  #endBehind(finding: string): never {
    const error = storeBehind(finding);
    this.close(error);
    throw error;
  }

  #blame(member: EtcdMember, error: unknown): void {
    if (!(error instanceof EtcdFault)) return;
    if (error.kind === 'unknown') this.leave(member);
    // The whole cluster is: no other member is worth trying without a wait.
    if (error.kind === 'busy') this.#failures = Math.max(this.#failures, this.#members.length) + 1;
  }

  async #metadata(member: EtcdMember): Promise<grpc.Metadata> {
    const metadata = new grpc.Metadata();
    // A member that is cut off from the others then says so at once, and ends its streams, instead of keeping us waiting.
    metadata.set('hasleader', 'true');
    if (this.#login === undefined) return metadata;
    this.#token ??= this.#authenticate(member, this.#login);
    try {
      metadata.set('token', await this.#token);
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
    return metadata;
  }

  async #authenticate(
    member: EtcdMember,
    login: { readonly user: string; readonly password: string },
  ): Promise<string> {
    const request = { name: login.user, password: login.password };
    const options = { metadata: new grpc.Metadata(), timeoutMs: TRY_MS };
    return (await member.unary(Auth.method.authenticate, request, options)).token;
  }
}

function isServiceError(error: unknown): error is grpc.ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));

/** The first message of a stream, or a fault if it ends or takes too long. Cancels the stream in any case. */
export async function firstOf<I, O>({ member, call }: Stream<I, O>, timeoutMs: number): Promise<O> {
  const { promise, resolve, reject } = Promise.withResolvers<O>();
  const late = setTimeout(() => reject(new EtcdFault('unknown', `etcd at ${member.address}: no answer`)), timeoutMs);
  call.once('data', resolve);
  call.once('end', () => reject(new EtcdFault('unknown', `etcd at ${member.address}: the stream ended`)));
  // It stays: cancelling makes an error of its own, after the answer.
  call.on('error', (error: grpc.ServiceError) => reject(faultOf(member.address, error)));
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    call.cancel();
  }
}
