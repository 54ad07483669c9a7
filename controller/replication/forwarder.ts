/**
 * Passes calls on to the leader, so that every controller answers every call the same. One for all services: it knows methods only
 * by their descriptors. Health and reflection are about this process and stay here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DescMessage, DescService } from '@bufbuild/protobuf';
import {
  ConnectError,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import type { KnownCaller } from '../../shared/access/principal.ts';
import { type ErrorReason, LocumError } from '../../shared/errors.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import { brokeOff, neverArrived } from '../../shared/rpc/connection-error.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import {
  FORWARDED_HEADER,
  headersBack,
  headersOnward,
  makeRepeatable,
  type Repeatable,
  timeoutOf,
} from './forwarded-call.ts';
import type { LeaderView } from './leader-view.ts';
import { openPeer, type Peer, type PeerTls } from './peer.ts';

export interface ForwarderOptions {
  readonly view: LeaderView;
  /** Id of this controller. */
  readonly self: string;
  /** Whether this controller leads and takes calls itself. */
  readonly leads: () => boolean;
  /** Services whose calls are the leader's affair. */
  readonly services: readonly DescService[];
  readonly shutdownSignal: AbortSignal;
  /** Says for whom a call is passed on, so that the leader believes it. Default: nothing is said. */
  readonly vouchFor?: (path: string, caller: KnownCaller) => Readonly<Record<string, string>>;
  /** Default: calls are passed on in plaintext. */
  readonly tls?: PeerTls | undefined;
  /** How long a call waits for a leader that takes it before it is told that there is none; for each new leader anew. Default 2 s. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 2_000;
/**
 * How long a leader that was replaced has for answers that are on their way: it made them before it gave up the lead, and one that hangs
 * makes none, so this is a network's delay.
 */
const LAST_ANSWERS_MS = 100;
/** Between two tries at a leader that refused or could not be reached. */
const BETWEEN_MS = 50;

type Next = (request: UnaryRequest | StreamRequest) => Promise<UnaryResponse | StreamResponse>;
type Target = { readonly kind: 'here' } | { readonly kind: 'there'; readonly peer: Peer };

/**
 * What came of one try. `unsure`: it may have been applied, and is repeated, for the leader would know it again. `refused`: turned away
 * at the door, which says nothing of earlier tries.
 */
type Verdict = 'again' | 'unsure' | 'refused' | 'final' | 'unknown';
type Twice = Pick<Repeatable<DescMessage>, 'repeatable' | 'repeatableByCaller'>;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #services: ReadonlySet<string>;
  #peer: Peer | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#services = new Set(options.services.map(({ typeName }) => typeName));
    const { view, shutdownSignal } = options;
    // What hangs at a leader that was replaced is tried at the next one.
    view.watch(() => this.#dropOldPeer(), shutdownSignal);
    shutdownSignal.addEventListener('abort', () => this.#peer?.close(), { once: true });
  }

  get interceptor(): Interceptor {
    return (next) => (request) => {
      if (!this.#services.has(request.service.typeName)) return next(request);
      if (request.header.has(FORWARDED_HEADER)) {
        if (!this.#options.leads()) throw this.#noLeader();
        return next(request);
      }
      return request.stream ? this.#stream(request, next) : this.#unary(request, next);
    };
  }

  async #unary(request: UnaryRequest, next: Next): Promise<UnaryResponse | StreamResponse> {
    const { signal, header } = request;
    const { method } = request;
    const { message, ...twice } = makeRepeatable(method, request.message);
    let passedOn = false;
    return this.#untilAnswered(request, twice, async (target, leftMs) => {
      // What an earlier leader may have done already must not be done here a second time.
      if (target.kind === 'here') return next(passedOn ? { ...request, message } : request);
      passedOn = true;
      const onward = this.#headersOnward(request);
      const answer = await target.peer.transport.unary(method, signal, leftMs, onward, message, request.contextValues);
      return { ...answer, ...headersBack(header) };
    });
  }

  /** Opening is repeated; a stream that breaks later is opened again by its reader, who knows from where. */
  async #stream(request: StreamRequest, next: Next): Promise<UnaryResponse | StreamResponse> {
    const { signal, header, method } = request;
    if (this.#options.leads()) return next(request);
    const input: StreamRequest['message'] extends AsyncIterable<infer M> ? M[] : never = [];
    for await (const message of request.message) input.push(message);
    return this.#untilAnswered(request, { repeatable: true, repeatableByCaller: true }, async (target, leftMs) => {
      if (target.kind === 'here') return next({ ...request, message: replay(input) });
      const onward = this.#headersOnward(request);
      const { transport } = target.peer;
      const answer = await transport.stream(method, signal, leftMs, onward, replay(input), request.contextValues);
      return { ...answer, ...headersBack(header), message: unbroken(answer.message) };
    });
  }

  #headersOnward({ header, contextValues, service, method }: UnaryRequest | StreamRequest): Headers {
    const { self, vouchFor } = this.#options;
    const caller = contextValues.get(callerKey);
    const vouched = vouchFor?.(`/${service.typeName}/${method.name}`, caller) ?? {};
    return headersOnward(header, { self, source: caller.source, vouched });
  }

  async #untilAnswered<T>(
    { signal, header }: Pick<UnaryRequest, 'signal' | 'header'>,
    { repeatable, repeatableByCaller }: Twice,
    call: (target: Target, leftMs: number | undefined) => Promise<T>,
  ): Promise<T> {
    const startMs = performance.now();
    const timeoutMs = timeoutOf(header);
    const patient = (): AbortSignal =>
      AbortSignal.any([signal, AbortSignal.timeout(this.#options.patienceMs ?? PATIENCE_MS)]);
    let patience = patient();
    // An earlier try that the caller can't repeat may have been applied: whoever gives up now must not say that nothing was done.
    let unsure: unknown;
    const giveUp = (error: unknown): unknown => (unsure === undefined ? error : outcomeUnknown(unsure));
    for (;;) {
      const target = await this.#target(patience);
      if (target === undefined) {
        signal.throwIfAborted();
        throw giveUp(this.#noLeader());
      }
      const triedTerm = this.#newestTerm;
      try {
        const leftMs =
          timeoutMs === undefined ? undefined : Math.max(1, Math.ceil(startMs + timeoutMs - performance.now()));
        return await call(target, leftMs);
      } catch (error) {
        signal.throwIfAborted();
        const verdict = verdictOf(error, repeatable && target.kind === 'there');
        if (verdict === 'unknown') throw outcomeUnknown(error);
        if (verdict === 'final') throw error;
        if (verdict === 'refused') throw giveUp(error);
        if (verdict === 'unsure' && !repeatableByCaller) unsure = error;
        // The time that a call hung at a silent leader is none that the next one has had.
        if (this.#newestTerm > triedTerm) patience = patient();
        else if (patience.aborted) throw giveUp(this.#noLeader());
      }
      await sleep(BETWEEN_MS, undefined, { signal: patience, ref: false }).catch(() => {});
    }
  }

  get #newestTerm(): number {
    return this.#options.view.leader?.term ?? 0;
  }

  /** Waits for a leader; undefined: none within the time, or the store does not answer, so that none can be elected. */
  #target(patience: AbortSignal): Promise<Target | undefined> {
    const { view, leads, self, shutdownSignal } = this.#options;
    const hopeless = AbortSignal.any([patience, shutdownSignal]);
    if (view.leader === undefined && view.storeProblem !== undefined && !leads()) return Promise.resolve(undefined);
    return view.when<Target>(() => {
      if (leads()) return { kind: 'here' };
      const { leader } = view;
      // The store may still name this controller after its own clock said that it leads no more.
      if (leader === undefined || leader.id === self || view.isDoubted) return undefined;
      return { kind: 'there', peer: this.#peerAt(leader.api) };
    }, hopeless);
  }

  #peerAt(address: string): Peer {
    if (this.#peer?.address === address) return this.#peer;
    this.#leave();
    this.#peer = openPeer(address, this.#options.tls);
    return this.#peer;
  }

  #dropOldPeer(): void {
    const { leader } = this.#options.view;
    if (leader !== undefined && leader.api !== this.#peer?.address) this.#leave();
  }

  /** A leader that handed over still has answers to give; one that hangs has none, and its calls wait for the next one. */
  #leave(): void {
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer !== undefined) setTimeout(() => peer.close(), LAST_ANSWERS_MS).unref();
  }

  #noLeader(): LocumError {
    const { storeProblem, leader } = this.#options.view;
    if (storeProblem !== undefined) {
      const message = `the store does not answer, so nothing can be decided; what runs goes on until its leases end (${storeProblem})`;
      return new LocumError('STORE_UNAVAILABLE', message, { retryAfterMs: 1_000 });
    }
    const where = leader === undefined ? 'none leads just now' : `${leader.id} leads, but can't be reached from here`;
    return new LocumError('NOT_LEADER', `this controller does not lead, and ${where}: repeat in a moment`, {
      retryAfterMs: 500,
    });
  }
}

function verdictOf(error: unknown, repeatable: boolean): Verdict {
  const answer = error instanceof LocumError ? error : fromConnectError(error);
  if (answer?.reason === 'NOT_LEADER') return 'again';
  if (answer?.reason === 'OUTCOME_UNKNOWN') return repeatable ? 'unsure' : 'final';
  if (answer !== undefined && AT_THE_DOOR.has(answer.reason)) return 'refused';
  if (answer !== undefined || !(error instanceof ConnectError)) return 'final';
  if (neverArrived(error)) return 'again';
  if (!brokeOff(error)) return 'final';
  return repeatable ? 'unsure' : 'unknown';
}

/** Given before the leader looks whether it knows the call already. */
const AT_THE_DOOR: ReadonlySet<ErrorReason> = new Set(['STORE_UNAVAILABLE', 'STORE_FULL', 'OVERLOADED']);

function outcomeUnknown(cause: unknown): LocumError {
  const message =
    'the leader went away before it answered; this call may have been applied or not: look, or repeat it if that does no harm';
  return new LocumError('OUTCOME_UNKNOWN', message, { retryAfterMs: 500, cause });
}

async function* replay<T>(messages: readonly T[]): AsyncGenerator<T> {
  yield* messages;
}

/** A connection that breaks under a stream is told as what it is, so that its reader comes again. */
async function* unbroken<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    if (!brokeOff(error)) throw error;
    const message = 'the leader that this stream came from went away: open it again';
    throw new LocumError('NOT_LEADER', message, { retryAfterMs: 500, cause: error });
  }
}
