/**
 * The agent's end of the connection to its keeper.
 *
 * Every request is answered once: by the keeper, or with the reason `KEEPER_GONE` when the connection ends first (then nothing
 * is known about what became of the request, and the table of the next connection tells). Nothing here rejects after `Opened`.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { create, fromJson, type JsonValue, type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { messageOf } from '../../shared/caught-error.ts';
import type { DiskLane } from '../../shared/disk-lane.ts';
import {
  AttachRequestSchema,
  type AttachResponse,
  AttachResponseSchema,
  type CheckSchema,
  type ExitSchema,
  type ExtendSchema,
  type ForgetSchema,
  type KeptAttempt,
  type Opened,
  type ReadResult,
  ReadResultSchema,
  type ReadSchema,
  type Result,
  ResultSchema,
  type StartSchema,
  type StopSchema,
} from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import type { HostProblem } from '../../shared/host-problem.ts';
import { FrameReader, writeFrame } from '../../shared/keeper/frames.ts';
import { hostProblemsFromProto } from '../../shared/rpc/host-problem-messages.ts';
import { findSocket, KeeperUnreachableError } from './find-keeper.ts';

/** What the keeper says without being asked, in the order in which it said it. */
export type KeeperEvent =
  /** An attempt is new or has changed; always said before the Result of the request that changed it. */
  | { readonly kind: 'changed'; readonly attempt: KeptAttempt }
  /** All problems that the host has now. */
  | { readonly kind: 'host_problems'; readonly problems: readonly HostProblem[] }
  /** The host shuts down: drain, say Goodbye, then `exit({ stopAll: true })`. */
  | { readonly kind: 'leaving'; readonly withinMs: number }
  /** The connection is over; the last event. Every open request has been answered with `KEEPER_GONE`. */
  | { readonly kind: 'closed'; readonly detail: string };

export interface ConnectOptions {
  /** The agent's state directory; the keeper listens in it. */
  readonly stateDir: string;
  readonly agentVersion: string;
  /** Called for each event, never before `connectKeeper` has resolved its promise. */
  readonly tell: (event: KeeperEvent) => void;
  /** How long to wait for the keeper's `Opened`. Default: 5 s. */
  readonly timeoutMs?: number;
  /** Whatever has to be read of the state directory goes through here. Default: a lane of its own, which gives up after 2 s. */
  readonly lane?: DiskLane;
}

export interface KeeperConnection {
  /** The keeper's first message: its whole table. */
  readonly opened: Opened;
  /** Answered once the program runs, or will never run. */
  start(request: MessageInitShape<typeof StartSchema>): Promise<Result>;
  /** Deadlines count once this is answered; `refused` names those that were not extended. */
  extend(request: MessageInitShape<typeof ExtendSchema>): Promise<Result>;
  /** Answered once the stop has begun; a `changed` event with ENDED tells that it is done. */
  stop(request: MessageInitShape<typeof StopSchema>): Promise<Result>;
  forget(request: MessageInitShape<typeof ForgetSchema>): Promise<Result>;
  /** Answered at once; the keeper ends, and with it this connection, when nothing lives any more. */
  exit(request: MessageInitShape<typeof ExitSchema>): Promise<Result>;
  /** True once the keeper answered; false when the connection ended first. The caller judges how long is too long. */
  ping(request: { readonly highestTerm: number }): Promise<boolean>;
  read(request: MessageInitShape<typeof ReadSchema>): Promise<ReadResult>;
  /** Answered once the check has ended, within its time. */
  check(request: MessageInitShape<typeof CheckSchema>): Promise<Result>;
  /** Ends the connection; `closed` follows. What the keeper holds goes on. */
  close(): void;
}

/** An answer that the keeper did not give. */
const GONE = { ok: false, reason: 'KEEPER_GONE', detail: 'the connection to the keeper ended; the outcome is unknown' };

type Request = NonNullable<MessageInitShape<typeof AttachRequestSchema>['request']>;

/** Connects to the keeper that runs. Rejects with KeeperUnreachableError when there is none or it does not answer. */
export async function connectKeeper(options: ConnectOptions): Promise<KeeperConnection> {
  const path = await findSocket(options);
  const socket = connectSocket({ path });
  const { promise, resolve, reject } = Promise.withResolvers<KeeperConnection>();
  const answers = new Answers();
  /** Events that came in the same breath as `Opened`: they wait until the caller has the connection. */
  let early: KeeperEvent[] | undefined = [];
  let opened = false;
  let isSilent = false;

  const deliver = (event: KeeperEvent): void => {
    if (early === undefined) options.tell(event);
    else early.push(event);
  };
  const deliverEarly = (): void => {
    const events = early ?? [];
    early = undefined;
    for (const event of events) options.tell(event);
  };
  const finish = (detail: string): void => {
    clearTimeout(timer);
    socket.destroy();
    reject(new KeeperUnreachableError(`no keeper at ${path}: ${detail}`, { isSilent }));
    if (answers.end() && opened) deliver({ kind: 'closed', detail });
  };
  const timer = setTimeout(() => {
    isSilent = true;
    finish('it says nothing');
  }, options.timeoutMs ?? 5_000);

  const reader = new FrameReader((json) => {
    const message = fromJson(AttachResponseSchema, json as JsonValue, { ignoreUnknownFields: true });
    const { response } = message;
    if (response.case === 'opened') {
      opened = true;
      clearTimeout(timer);
      resolve(connectionOver(socket, response.value, { answers, finish }));
      setImmediate(deliverEarly);
      return;
    }
    if (response.case === 'replaced') {
      finish(response.value.reason);
      return;
    }
    const event = answers.take(message);
    if (event !== undefined) deliver(event);
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.feed(chunk);
    } catch (error) {
      finish(messageOf(error));
    }
  });
  socket.on('error', (error) => finish(error.message));
  socket.on('close', () => finish('the keeper closed the connection'));
  send(socket, 0n, { case: 'open', value: { agentVersion: options.agentVersion, agentPid: process.pid } });
  return promise;
}

function send(socket: Socket, requestId: bigint, request: Request): void {
  if (!socket.writable) return;
  const message = create(AttachRequestSchema, { requestId, request });
  writeFrame(socket, toJson(AttachRequestSchema, message) as object);
}

function connectionOver(
  socket: Socket,
  opened: Opened,
  { answers, finish }: { readonly answers: Answers; readonly finish: (detail: string) => void },
): KeeperConnection {
  const ask = (request: Request): Promise<Result> => answers.result((id) => send(socket, id, request));
  return {
    opened,
    start: (value) => ask({ case: 'start', value }),
    extend: (value) => ask({ case: 'extend', value }),
    stop: (value) => ask({ case: 'stop', value }),
    forget: (value) => ask({ case: 'forget', value }),
    exit: (value) => ask({ case: 'exit', value }),
    check: (value) => ask({ case: 'check', value }),
    read: (value) => answers.read((id) => send(socket, id, { case: 'read', value })),
    ping: ({ highestTerm }) =>
      answers.pong(() => send(socket, 0n, { case: 'ping', value: { highestTerm: BigInt(highestTerm) } })),
    close: () => finish('the agent closed the connection'),
  };
}

/** Open requests and who waits for them. The agent bounds them: it asks one thing per attempt, and pings one at a time. */
class Answers {
  #lastId = 0n;
  #ended = false;
  readonly #results = new Map<bigint, (result: Result) => void>();
  readonly #reads = new Map<bigint, (result: ReadResult) => void>();
  #pongs: Array<(answered: boolean) => void> = [];

  result(send: (id: bigint) => void): Promise<Result> {
    return this.#ask(this.#results, send, () => create(ResultSchema, GONE));
  }

  read(send: (id: bigint) => void): Promise<ReadResult> {
    return this.#ask(this.#reads, send, () => create(ReadResultSchema, { error: GONE.detail }));
  }

  pong(send: () => void): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#pongs.push(resolve);
      send();
    });
  }

  #ask<T>(waiting: Map<bigint, (answer: T) => void>, send: (id: bigint) => void, gone: () => T): Promise<T> {
    if (this.#ended) return Promise.resolve(gone());
    this.#lastId += 1n;
    const id = this.#lastId;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      send(id);
    });
  }

  /** Gives an answer to whoever waits for it; what nobody asked for comes back as an event. */
  take({ response }: AttachResponse): KeeperEvent | undefined {
    switch (response.case) {
      case 'result':
        this.#settle(this.#results, response.value.requestId, response.value);
        return undefined;
      case 'readResult':
        this.#settle(this.#reads, response.value.requestId, response.value);
        return undefined;
      case 'pong':
        this.#pongs.shift()?.(true);
        return undefined;
      case 'changed':
        return response.value.attempt && { kind: 'changed', attempt: response.value.attempt };
      case 'hostProblems':
        return { kind: 'host_problems', problems: hostProblemsFromProto(response.value) ?? [] };
      case 'leaving':
        return { kind: 'leaving', withinMs: response.value.within ? durationMs(response.value.within) : 0 };
      case 'opened':
      case 'replaced':
      case undefined:
        // A newer keeper may say more than we know.
        return undefined;
    }
  }

  #settle<T>(waiting: Map<bigint, (answer: T) => void>, id: bigint, answer: T): void {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  }

  /** Answers everything that is still open. False when that was done before. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    for (const [id, resolve] of this.#results) resolve(create(ResultSchema, { requestId: id, ...GONE }));
    for (const [id, resolve] of this.#reads) resolve(create(ReadResultSchema, { requestId: id, error: GONE.detail }));
    for (const resolve of this.#pongs) resolve(false);
    this.#results.clear();
    this.#reads.clear();
    this.#pongs = [];
    return true;
  }
}
