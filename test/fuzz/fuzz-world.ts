/** A controller; without sockets, unless it is given some (fuzz-sockets.ts): its handlers, its agent streams, its core and a store in memory. */
import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import { AgentStreams } from '../../controller/agents/agent-streams.ts';
import { type ApiContext, StreamCount } from '../../controller/api/api-context.ts';
import { addApiServices } from '../../controller/api/api-listener.ts';
import { API_SERVICES } from '../../controller/api/api-services.ts';
import { diagnose } from '../../controller/diagnostics.ts';
import { systemClock } from '../../controller/engine/clock.ts';
import { Hooks } from '../../controller/hooks/hooks.ts';
import type { LeaderTerm } from '../../controller/leadership/leader-term.ts';
import { RoleWatch } from '../../controller/leadership/role.ts';
import { ControllerMetrics } from '../../controller/metrics.ts';
import { MemoryStore } from '../../controller/store/memory.ts';
import { createLogger, type Logger } from '../../shared/log.ts';
import { type CallHandler, createCallHandlers } from '../../shared/rpc/connect-handler.ts';
import { HealthTable } from '../../shared/rpc/health.ts';
import { electedLeaderTerm } from '../controller/leader-term-world.ts';
import { anybodysCall } from '../open-access.ts';
import { FuzzAgent } from './fuzz-agent.ts';

/** How a call ended: a code of gRPC, or `ok`. */
export interface Answer {
  readonly code: string;
  readonly text: string;
}

/** Turns of the event loop that a stream of answers gets before its client goes away. */
export const STREAM_TURNS = 3;

interface Parts {
  readonly leaderTerm: LeaderTerm;
  readonly streams: AgentStreams;
  readonly log: Logger;
  readonly metrics: ControllerMetrics;
  readonly defects: string[];
}

export class FuzzWorld {
  readonly #handlers: ReadonlyMap<string, CallHandler>;
  readonly #leaderTerm: LeaderTerm;
  readonly streams: AgentStreams;
  readonly api: ApiContext;
  readonly log: Logger;
  readonly metrics: ControllerMetrics;
  /** What must never be: failures of handlers that are no answers, and the end of the controller. */
  readonly defects: string[];

  private constructor({ leaderTerm, streams, log, metrics, defects }: Parts) {
    this.#leaderTerm = leaderTerm;
    this.streams = streams;
    this.log = log;
    this.metrics = metrics;
    this.defects = defects;
    this.api = {
      leaderTerm: () => leaderTerm,
      controllers: { list: async () => [], gone: () => [], transfer: async () => undefined },
      agents: streams,
      storeKind: 'memory',
      version: 'fuzz',
      diagnostics: () => diagnose({ controller: 'fuzz', version: 'fuzz', settings: [], metrics }),
      streams: new StreamCount(),
      copies: { take: () => undefined, followers: [] },
      bookmarkMs: 1,
      hooks: new Hooks({
        ...{ settings: [], clusterId: 'fuzz', version: 'fuzz', clock: systemClock, log },
        ...{ role: new RoleWatch(), signal: new AbortController().signal },
      }),
    };
    this.#handlers = createCallHandlers({
      routes: (router) => addApiServices(router, this.api, new HealthTable(API_SERVICES)),
      onDefect: (error) => defects.push(`a defect of ours: ${error instanceof Error ? error.stack : String(error)}`),
    });
  }

  static async start(): Promise<FuzzWorld> {
    const defects: string[] = [];
    const metrics = new ControllerMetrics();
    const log = createLogger({
      name: 'fuzz',
      level: 'error',
      format: 'json',
      output: { write: (line) => void defects.push(`logged: ${line.slice(0, 2_000)}`) },
    });
    const streams = new AgentStreams({
      clock: systemClock,
      log,
      metrics,
      owner: { cut: () => undefined },
    });
    const leaderTerm = await electedLeaderTerm(new MemoryStore(), {
      agents: streams,
      metrics,
      owner: {
        room: () => streams.resume(),
        trouble: () => undefined,
        stepDown: (reason) => void defects.push(`stepped down: ${reason}`),
        fatal: (error) => void defects.push(`ended: ${error instanceof Error ? error.stack : String(error)}`),
      },
    });
    streams.attach({ term: leaderTerm.term, post: (event) => leaderTerm.post(event) });
    return new FuzzWorld({ leaderTerm, streams, log, metrics, defects });
  }

  connect(server: string, pool: string): FuzzAgent {
    const agent = new FuzzAgent(server, pool);
    this.streams.accept(agent.call);
    agent.join();
    return agent;
  }

  /** Names of all policies, pools and runs that there are, and of servers. */
  names(): readonly string[] {
    const { policies, pools, runs, servers } = this.#leaderTerm.state;
    const ids = [
      ['policies', policies],
      ['pools', pools],
      ['runs', runs],
      ['servers', servers],
    ] as const;
    return ids.flatMap(([folder, all]) => [...all.keys()].slice(-10).map((id) => `${folder}/${id}`));
  }

  /** Unended attempts on a server, by epoch. */
  attemptsOn(server: string): readonly number[] {
    const all = [...this.#leaderTerm.state.runs.values()].flatMap(({ attempts }) => attempts);
    return all.filter((one) => one.server === server && one.state.kind !== 'ENDED').map(({ epoch }) => epoch);
  }

  livenessOf(server: string): string | undefined {
    for (const [id, { liveness }] of this.#leaderTerm.state.servers) if (id === server) return liveness;
    return undefined;
  }

  async call(path: string, contentType: string, body: Uint8Array): Promise<Answer> {
    const handler = this.#handlers.get(path);
    if (handler === undefined) throw new Error(`no method ${path}`);
    const client = new AbortController();
    const request: UniversalServerRequest = {
      httpVersion: '2',
      url: `http://fuzz${path}`,
      method: 'POST',
      header: new Headers({ 'content-type': contentType }),
      body: once(body),
      signal: client.signal,
      contextValues: anybodysCall(),
    };
    const answer = await handler(request);
    const text = await beginningOf(answer.body, client);
    return { code: codeOf(answer.status, answer.trailer ?? new Headers(), text), text };
  }

  end(): void {
    this.streams.sweep();
  }
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}

/** What comes at once; of a stream that goes on the client goes away. */
async function beginningOf(body: AsyncIterable<Uint8Array> | undefined, client: AbortController): Promise<string> {
  if (body === undefined) return '';
  const chunks: Uint8Array[] = [];
  const iterator = body[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), turns(STREAM_TURNS)]);
    if (next === undefined) {
      client.abort();
      break;
    }
    if (next.done === true || chunks.length > 100) break;
    chunks.push(next.value);
  }
  return Buffer.concat(chunks).toString('utf8', 0, 2_000);
}

/** Resolves after this many turns of the event loop. */
async function turns(count: number): Promise<undefined> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return undefined;
}

/** JSON says its code in words, the protocols of gRPC as a number in a trailer, of the answer or at the end of its body. */
export function codeOf(status: number, trailer: Headers, text: string): string {
  const number = trailer.get('grpc-status') ?? /grpc-status: (\d+)/.exec(text)?.[1];
  if (number !== undefined && number !== null) return number === '0' ? 'ok' : `grpc ${number}`;
  return /"code":"(\w+)"/.exec(text)?.[1] ?? (status === 200 ? 'ok' : `http ${status}`);
}

/** Codes that no input should get: INTERNAL and UNKNOWN. */
export const DEFECT_CODES: ReadonlySet<string> = new Set(['internal', 'unknown', 'grpc 13', 'grpc 2', 'http 500']);
