/**
 * The keeper's ear: one agent at a time (semantics: A9), a new one replaces the old. It turns messages into events of the core and the
 * core's words into messages, and decides nothing.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../../shared/caught-error.ts';
import { type AttemptName, keyOf } from '../core/attempt.ts';
import type { Effect } from '../core/effect.ts';
import type { AgentId, FromAgent } from '../core/event.ts';
import { isRef } from '../core/start.ts';
import type { KeeperState } from '../core/state.ts';
import type { KeptOutput } from '../disk/attempt-folders.ts';
import type { CheckAnswer } from '../drivers/driver.ts';
import type { OutputQuery } from '../output/output-reader.ts';
import { Connection, type Response } from './connection.ts';
import { keptToJson } from './kept-codec.ts';
import {
  durationJson,
  durationOf,
  hostProblemsJson,
  type JsonObject,
  numberOf,
  objectOf,
  textOf,
  textsOf,
  timeJson,
  timeOf,
} from './proto-json.ts';
import { askOf } from './request-codec.ts';

/** Of a check whose agent does not say. */
const DEFAULT_CHECK_MS = 5_000;

export interface AgentListenerOptions {
  readonly state: KeeperState;
  readonly containment: 'cgroup' | 'process-group';
  readonly version: string;
  /** What workloads may need of a keeper, and this one can. */
  readonly features: readonly string[];
  readonly post: (event: FromAgent) => void;
  /** Runs a program in the place of an attempt, which runs. */
  readonly check: (attempt: AttemptName, argv: readonly string[], limitMs: number) => Promise<CheckAnswer>;
  /** Undefined where there is no output of this attempt, or not any more. Rejects when the disk does not answer. */
  readonly readOutput: (attempt: AttemptName, query: OutputQuery) => Promise<KeptOutput | undefined>;
}

export type ToAgent = Extract<Effect, { readonly agent: AgentId }>;

export class AgentListener {
  readonly #options: AgentListenerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Those that have said who they are; the core keeps one of them and ends the others. */
  readonly #attached = new Map<AgentId, Connection>();
  #lastId = 0;

  constructor(options: AgentListenerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, () => {
        this.#server.off('error', reject);
        // Such as no descriptor for a connection: the agent tries again.
        this.#server.on('error', () => undefined);
        resolve();
      });
    });
  }

  /** Sends what is waiting, then closes. */
  async close(): Promise<void> {
    for (const connection of this.#attached.values()) connection.end(undefined);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, 500);
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Says one thing to the agent, unless that connection is over. */
  tell(effect: Exclude<ToAgent, { readonly kind: 'prove_hands' }>): void {
    const connection = this.#attached.get(effect.agent);
    if (connection === undefined) return;
    switch (effect.kind) {
      case 'tell_opened':
        connection.send({ opened: this.#opened() });
        return;
      case 'tell_changed':
        connection.announce(effect.attempt);
        return;
      case 'tell_problems':
        connection.send({ hostProblems: hostProblemsJson(this.#options.state.problems) });
        return;
      case 'tell_leaving':
        connection.send({ leaving: { within: durationJson(effect.withinMs) } });
        return;
      case 'answer':
        connection.send({ result: resultOf(effect) });
        return;
      case 'pong':
        connection.send({ pong: {} });
        return;
      case 'disconnect':
        connection.end(effect.reason);
        return;
    }
  }

  #opened() {
    const { state, containment, version } = this.#options;
    return {
      keeperPid: process.pid,
      keeperVersion: version,
      containment: containment === 'cgroup' ? 'CONTAINMENT_CGROUP' : 'CONTAINMENT_PROCESS_GROUP',
      attempts: Array.from(state.attempts.values(), keptToJson),
      highestTerm: String(state.highestTerm),
      highestEpoch: String(state.spent.newest),
      hostProblems: hostProblemsJson(state.problems),
      features: [...this.#options.features],
    };
  }

  /** A socket is nobody's until its first message. */
  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    this.#lastId += 1;
    const id = this.#lastId;
    let attached = false;
    const connection = new Connection(id, socket, {
      take: (request) => {
        if (attached) this.#take(connection, request);
        else if (request['open'] !== undefined) {
          attached = true;
          this.#attach(connection, objectOf(request['open']));
        } else socket.destroy();
      },
      over: () => {
        if (this.#attached.delete(id)) this.#options.post({ kind: 'detached', agent: id });
      },
      newest: (key) => this.#newest(key),
    });
  }

  #attach(connection: Connection, { agentPid, agentVersion }: JsonObject): void {
    this.#attached.set(connection.id, connection);
    const description = `agent ${textOf(agentVersion)} (process ${numberOf(agentPid)})`;
    this.#options.post({ kind: 'attached', agent: connection.id, description });
  }

  #newest(key: string): Response | undefined {
    const attempt = this.#options.state.attempts.get(key);
    return attempt && { changed: { attempt: keptToJson(attempt) } };
  }

  #take(connection: Connection, message: JsonObject): void {
    const requestId = numberOf(message['requestId']);
    if (message['read'] !== undefined) {
      void this.#read(objectOf(message['read'])).then((value) =>
        connection.send({ readResult: { ...value, requestId: String(requestId) } }),
      );
      return;
    }
    if (message['check'] !== undefined) {
      void this.#check(objectOf(message['check'])).then((answer) =>
        connection.send({ result: { requestId: String(requestId), pid: 0, refused: [], ...answer } }),
      );
      return;
    }
    const ask = askOf(message);
    if (ask !== undefined) this.#options.post({ kind: 'asked', agent: connection.id, request: requestId, ask });
    else if (requestId !== 0) connection.send({ result: { requestId: String(requestId), ...UNKNOWN } });
  }

  async #check({ run, epoch, argv, timeout }: JsonObject): Promise<JsonObject> {
    const attempt = { run: textOf(run), epoch: numberOf(epoch) };
    // Nothing but what runs is looked at: what ends is the core's business.
    const isRunning = this.#options.state.living.get(keyOf(attempt))?.stage.kind === 'running';
    if (!isRunning) return { ok: false, reason: 'NOT_RUNNING', detail: 'it does not run here' };
    return { ...(await this.#options.check(attempt, textsOf(argv), durationOf(timeout) ?? DEFAULT_CHECK_MS)) };
  }

  async #read(read: JsonObject): Promise<JsonObject> {
    const { state, readOutput } = this.#options;
    const [run, epoch] = [textOf(read['run']), numberOf(read['epoch'])];
    const none = { error: `no output of ${run} with epoch ${epoch} is kept here` };
    // It becomes the name of a folder.
    if (!isRef({ run, epoch })) return none;
    try {
      const [offset, limit] = [numberOf(read['offset']), numberOf(read['limit'])];
      const slice = await readOutput({ run, epoch }, { offset, limit, sinceWall: timeOf(read['sinceTime']) });
      if (slice === undefined) return none;
      const isOver = !state.living.has(keyOf({ run, epoch })) && slice.finished;
      return {
        offset: String(slice.offset),
        data: Buffer.from(slice.data.buffer, slice.data.byteOffset, slice.data.byteLength).toString('base64'),
        size: String(slice.size),
        times: slice.times.map(({ offset: from, wall }) => ({ offset: String(from), time: timeJson(wall) })),
        end: isOver && slice.offset + slice.data.length >= slice.size,
      };
    } catch (error) {
      return { error: messageOf(error) };
    }
  }
}

const UNKNOWN = { ok: false, reason: 'INVALID_REQUEST', detail: 'this keeper does not know what is asked' };

function resultOf({ request, answer }: Extract<Effect, { kind: 'answer' }>) {
  const { ok, reason, detail, pid, refused } = answer;
  const names = refused.map(({ run, epoch }) => ({ run, epoch: String(epoch) }));
  return { requestId: String(request), ok, reason, detail, pid, refused: names };
}
