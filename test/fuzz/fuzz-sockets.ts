/** The listeners of a fuzzed controller on real sockets, and those who use them: wrongly, in silence, and rightly. */
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { AccessNotes } from '../../controller/access/access-notes.ts';
import { type AgentListener, startAgentListener } from '../../controller/agents/agent-listener.ts';
import { startApiListener } from '../../controller/api/api-listener.ts';
import { HealthTable } from '../../shared/rpc/health.ts';
import type { Listener } from '../../shared/rpc/single-port-listener.ts';
import { ScriptedAgent } from '../controller/scripted-agent.ts';
import { openAccess } from '../open-access.ts';
import { type Answer, codeOf, type FuzzWorld, STREAM_TURNS } from './fuzz-world.ts';
import type { FuzzRequest } from './request-source.ts';
import type { Attack } from './wire-attacks.ts';

/** Not `once` of node:events, which rejects at an error before it. */
const closeOf = (ended: Duplex): Promise<void> => new Promise((resolve) => ended.once('close', () => resolve()));

/** Attacks under way at once, and connections that say nothing more and stay. */
const UNDER_WAY = 16;
const SILENT = 64;
/** A server has so long to let go of a client that went: some are found only by a ping, after 15 s at most. */
const LET_GO_MS = 20_000;
/** Of what was said before something went wrong. */
const SHOWN_BYTES = 1_000;

export class FuzzSockets {
  readonly #api: Listener;
  readonly #agents: AgentListener;
  readonly #stop = new AbortController();
  /** Something took too long. */
  readonly #late: (what: string) => void;
  readonly #underWay = new Set<Promise<void>>();
  readonly #silent: Socket[] = [];
  /** Of the requests, and of the healthy client: many resets end a connection, and only that of who makes them. */
  readonly #sessions = new Map<'fuzzed' | 'healthy', ClientHttp2Session>();
  #healthy: ScriptedAgent | undefined;

  private constructor(api: Listener, agents: AgentListener, late: (what: string) => void) {
    this.#api = api;
    this.#agents = agents;
    this.#late = late;
  }

  static async listen(world: FuzzWorld, late: (what: string) => void): Promise<FuzzSockets> {
    const { api, streams, log, metrics } = world;
    const health = new HealthTable([]);
    const anyPort = { host: '127.0.0.1', port: 0 };
    const stop = new AbortController();
    const forwarder = { interceptor: (next: unknown) => next } as never;
    const options = {
      api,
      stale: api,
      forwarder,
      leads: () => true,
      health,
      metrics,
      log,
      shutdownSignal: stop.signal,
    };
    const readiness = () => ({ ready: true, words: 'leads' });
    const notes = new AccessNotes();
    const access = openAccess();
    const apiListener = await startApiListener({ address: anyPort, ...options, readiness, notes, access });
    const agents = await startAgentListener({ ...anyPort, onConnect: (call) => streams.accept(call), health });
    const sockets = new FuzzSockets(apiListener, agents, late);
    sockets.#stop.signal.addEventListener('abort', () => stop.abort());
    return sockets;
  }

  /** An agent that lives on a real socket for as long as all this goes on; in place of the one before, if its stream is over. */
  async joinHealthy(server: string, pool: string): Promise<void> {
    const before = this.#healthy;
    if (before?.isOver === false) return;
    before?.close();
    this.#healthy = new ScriptedAgent(`127.0.0.1:${this.#agents.port}`, server);
    this.#healthy.live(1_000);
    await this.#healthy.join({ pool });
  }

  /** What came of a heartbeat of that agent, over its socket; empty: it was granted. */
  async problemOfHealthy(withinMs: number): Promise<string> {
    const healthy = this.#healthy;
    if (healthy === undefined) return 'it never joined';
    const granted = healthy.grantedFromNow().then(() => '');
    const over = healthy.ended.then(({ code, details }) => `its stream ended with ${code}: ${details}`);
    const late = new Promise<string>((resolve) => setTimeout(resolve, withinMs, `not within ${withinMs} ms`).unref());
    return Promise.race([granted, over, late]);
  }

  /** Begins an attack, once no more than a few others are under way. */
  async attack(on: 'api' | 'agents', attack: Attack): Promise<void> {
    while (this.#underWay.size >= UNDER_WAY) await Promise.race(this.#underWay);
    const port = on === 'api' ? this.#api.port : this.#agents.port;
    const done = this.#play(port, attack).finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #play(port: number, { chunks, end }: Attack): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    // Being refused is the right answer to most of this.
    socket.on('error', () => undefined).resume();
    const closed = closeOf(socket);
    for (const chunk of chunks) {
      if (!socket.writable) break;
      socket.write(chunk);
      await turn();
    }
    if (end === 'silence') {
      this.#silent.push(socket);
      if (this.#silent.length > SILENT) this.#silent.shift()?.resetAndDestroy();
      return;
    }
    if (end === 'rst') socket.resetAndDestroy();
    else socket.end();
    const late = setTimeout(() => {
      const said = Buffer.concat(chunks).subarray(0, SHOWN_BYTES).toString('latin1');
      const how = `a connection that its client ended with ${end} was not closed within ${LET_GO_MS / 1_000} s`;
      this.#late(
        `${how}, port of ${port === this.#api.port ? 'the API' : 'agents'}, it had said ${JSON.stringify(said)}`,
      );
      socket.destroy();
    }, LET_GO_MS);
    await closed;
    clearTimeout(late);
  }

  /** A request as a library would send it, on a connection for many. */
  async call({ path, contentType, body }: FuzzRequest, as: 'fuzzed' | 'healthy'): Promise<Answer> {
    const session = this.#connected(as);
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': contentType, te: 'trailers' });
    const headers = new Headers();
    let status = 0;
    const take = (got: object): void => {
      for (const [name, value] of Object.entries(got)) if (!name.startsWith(':')) headers.append(name, String(value));
      if (':status' in got) status = Number(got[':status']);
    };
    stream.on('response', take).on('trailers', take);
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      // What goes on is left: a client that goes away is nobody's defect.
      if (/\/(Watch|StreamOutput)/.test(path)) void leave();
    });
    const leave = async (): Promise<void> => {
      for (let i = 0; i < STREAM_TURNS; i += 1) await turn();
      stream.close(constants.NGHTTP2_CANCEL);
    };
    stream.on('error', () => undefined);
    stream.setTimeout(LET_GO_MS, () => {
      this.#late(`${path} was not answered on a socket within ${LET_GO_MS / 1_000} s`);
      stream.close(constants.NGHTTP2_CANCEL);
    });
    const closed = closeOf(stream);
    stream.end(body);
    await closed;
    const text = Buffer.concat(chunks).toString('utf8', 0, 2_000);
    if (status === 0) return { code: `reset ${stream.rstCode}`, text };
    return { code: codeOf(status, headers, text), text };
  }

  #connected(as: 'fuzzed' | 'healthy'): ClientHttp2Session {
    const open = this.#sessions.get(as);
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const session = connectHttp2(`http://127.0.0.1:${this.#api.port}`);
    session.on('error', () => undefined);
    this.#sessions.set(as, session);
    return session;
  }

  async close(): Promise<void> {
    this.#healthy?.close();
    for (const session of this.#sessions.values()) session.destroy();
    for (const socket of this.#silent) socket.destroy();
    this.#stop.abort();
    await Promise.all([this.#api.close(0), this.#agents.close(0)]);
  }
}
