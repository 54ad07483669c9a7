/**
 * The fuzzer: requests to every method and messages of agents that hold attempts, in bytes and in values, extremes first. After each batch
 * a healthy client and a healthy agent are served, the healthy server keeps its lease and its attempt, and no answer was INTERNAL or
 * UNKNOWN. What nobody can do in time whom the machine does not let run is no violation: it is counted, and they begin anew. What it sends depends on its seed alone; what comes of it also on how messages meet.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { AgentService, ConnectRequestSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { Prng } from '../../shared/prng.ts';
import { collectedMemory } from '../collected-memory.ts';
import { methodNamed } from '../e2e/every-method.ts';
import { AgentSayings } from './agent-sayings.ts';
import type { FuzzAgent } from './fuzz-agent.ts';
import { FuzzSockets } from './fuzz-sockets.ts';
import { DEFECT_CODES, FuzzWorld } from './fuzz-world.ts';
import { enveloped, type FuzzRequest, RequestSource } from './request-source.ts';
import { Lapses, Starvation } from './starvation.ts';
import { ValueSource } from './values.ts';
import { attackWith } from './wire-attacks.ts';

export interface FuzzOptions {
  readonly messages: number;
  readonly seed: number;
  /** Messages between two looks at the healthy ones. */
  readonly batch: number;
  /** Called after each batch. */
  readonly onBatch?: (report: FuzzReport) => void;
}

export interface FuzzReport {
  readonly messages: number;
  /** Answers by code. */
  readonly codes: ReadonlyMap<string, number>;
  /** What should not be: empty when all is well. */
  readonly violations: readonly string[];
  /** What was too late while this process was kept waiting for the processor. */
  readonly starved: readonly string[];
  /** Longest wait of the healthy client and of the healthy agent, after any batch. */
  readonly clientMs: number;
  readonly agentMs: number;
  /** Heap in use after a collection: after the first quarter, and now. */
  readonly heapBytes: readonly [number, number];
}

const HOSTILE = ['fuzz-a', 'fuzz-b', 'fuzz-c', 'fuzz-d'];
/** In a pool of its own, which no fuzzed request names. */
const HEALTHY = { server: 'healthy', pool: 'quiet', policy: 'steady' };
/** What histories and their indexes may still gain after the first quarter, whatever the number of messages. */
const HEAP_ROOM_BYTES = 64 * 1024 * 1024;
const HEALTHY_ON_SOCKET = 'healthy-too';
const SERVED_WITHIN_MS = 5_000;
/** An agent that connects for the first time, on a connection that something is wrong with. */
const UNKNOWN_AGENT = { held: [], lastCommandId: 1n };
const UNKNOWN_HELLO = toBinary(
  ConnectRequestSchema,
  create(ConnectRequestSchema, {
    message: {
      case: 'hello',
      value: {
        server: 'fuzz-e',
        pool: 'default',
        instanceId: 'i',
        machineId: 'm',
        bootId: 'b',
        uptime: { seconds: 1n },
        lastPart: true,
      },
    },
  }),
);
/** Of all messages are odd conversations on sockets; and of the requests go over a socket. The others save what sockets cost. */
const ATTACK_SHARE = 0.01;
const SOCKET_SHARE = 0.02;
/** Of the conversations with the listener for agents are about its other methods. */
const UNARY_SHARE = 0.2;
const SMALL_CALL: FuzzRequest = {
  path: '/locum.v1.ClusterService/GetStatus',
  contentType: 'application/json',
  body: Buffer.from('{}'),
};
/** Requests at once: they meet in turns and commits of the core, as those of many clients do. */
const AT_ONCE = 32;
/** Messages between two looks at which names there are. */
const NAMES_EVERY = 256;

export async function fuzz({ messages, seed, batch, onBatch }: FuzzOptions): Promise<FuzzReport> {
  const run = await FuzzRun.start(seed);
  try {
    for (let done = 0; done < messages; ) {
      const size = Math.min(batch, messages - done);
      for (let i = 0; i < size; i += AT_ONCE) await run.some(Math.min(AT_ONCE, size - i));
      done += size;
      await run.look(done >= messages / 4);
      onBatch?.(run.report);
      if (run.report.violations.length > 0) break;
    }
    return run.report;
  } finally {
    await run.end();
  }
}

class FuzzRun {
  readonly #world: FuzzWorld;
  readonly #prng: Prng;
  readonly #requests: RequestSource;
  readonly #values: ValueSource;
  readonly #sayings: AgentSayings;
  readonly #sockets: FuzzSockets;
  readonly #starvation: Starvation;
  #healthy: FuzzAgent;
  readonly #beats: NodeJS.Timeout;
  readonly #hostile = new Map<string, FuzzAgent>();
  readonly #codes = new Map<string, number>();
  readonly #lapses: Lapses;
  #names: readonly string[] = [];
  #sent = 0;
  #clientMs = 0;
  #agentMs = 0;
  #steady: readonly number[] = [];
  #heap: [number, number] = [0, 0];

  private constructor(
    world: FuzzWorld,
    sockets: FuzzSockets,
    { starvation, lapses }: { readonly starvation: Starvation; readonly lapses: Lapses },
    seed: number,
  ) {
    this.#world = world;
    this.#sockets = sockets;
    this.#starvation = starvation;
    this.#lapses = lapses;
    this.#prng = new Prng(seed);
    this.#values = new ValueSource(this.#prng.fork(), () => this.#names);
    this.#requests = new RequestSource(this.#prng.fork(), this.#values, Object.values(HEALTHY));
    this.#sayings = new AgentSayings(this.#prng.fork(), this.#values);
    this.#healthy = world.connect(HEALTHY.server, HEALTHY.pool);
    this.#beats = setInterval(() => void this.#healthy.heartbeat(0), 1_000);
  }

  static async start(seed: number): Promise<FuzzRun> {
    const world = await FuzzWorld.start();
    await json(world, 'PoolService/CreatePool', { pool: { name: `pools/${HEALTHY.pool}` } });
    const starvation = new Starvation();
    const lapses = new Lapses(starvation);
    const sockets = await FuzzSockets.listen(world, (what) => lapses.late(what));
    await sockets.joinHealthy(HEALTHY_ON_SOCKET, HEALTHY.pool);
    const run = new FuzzRun(world, sockets, { starvation, lapses }, seed);
    await run.#setUp();
    return run;
  }

  get report(): FuzzReport {
    return {
      messages: this.#sent,
      codes: this.#codes,
      violations: [...this.#lapses.violations, ...this.#world.defects].slice(0, 20),
      starved: this.#lapses.starved,
      clientMs: this.#clientMs,
      agentMs: this.#agentMs,
      heapBytes: this.#heap,
    };
  }

  async end(): Promise<void> {
    clearInterval(this.#beats);
    this.#starvation.end();
    await this.#sockets.close();
    for (const agent of [this.#healthy, ...this.#hostile.values()]) agent.close();
    this.#world.end();
  }

  /** The healthy policy runs, and each hostile server has something to hold. */
  async #setUp(): Promise<void> {
    const workload = { command: { argv: ['sleep', '1'] } };
    const { policy, pool, server } = HEALTHY;
    const steady = { name: `policies/${policy}`, pool: `pools/${pool}`, servers: [`servers/${server}`], workload };
    await json(this.#world, 'PolicyService/CreatePolicy', { policy: steady });
    for (const id of HOSTILE) {
      this.#connect(id);
      const held = { name: `policies/held-${id}`, servers: [`servers/${id}`], workload, maxConcurrentRuns: 3 };
      await json(this.#world, 'PolicyService/CreatePolicy', { policy: held });
    }
    await this.#settle();
  }

  /** The healthy server is heard, and runs what it has to. */
  async #settle(): Promise<void> {
    const { server } = HEALTHY;
    while (!(await this.#healthy.heartbeat(SERVED_WITHIN_MS)))
      if (!this.#starvation.isStarved) throw new Error('the healthy agent was not granted');
    while (this.#world.attemptsOn(server).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    this.#steady = this.#world.attemptsOn(server);
    this.#starvation.forget();
  }

  /** After a time in which nobody could be served: those who lost something by it begin anew. */
  async #recover(): Promise<void> {
    if (this.#healthy.isOver) {
      this.#healthy.close();
      this.#healthy = this.#world.connect(HEALTHY.server, HEALTHY.pool);
    }
    await this.#sockets.joinHealthy(HEALTHY_ON_SOCKET, HEALTHY.pool);
    await this.#settle();
  }

  /** Sends so many messages, and waits for what they are answered. */
  async some(count: number): Promise<void> {
    const answered: Promise<void>[] = [];
    for (let i = 0; i < count; i += 1) {
      if (this.#sent % NAMES_EVERY === 0) this.#names = this.#readNames();
      this.#sent += 1;
      answered.push(this.#message());
    }
    await Promise.all(answered);
  }

  /** After a batch: those who did nothing wrong have lost nothing. */
  async look(isWarm: boolean): Promise<void> {
    await this.#sockets.settled();
    const askedMs = performance.now();
    const answer = await this.#sockets.call(SMALL_CALL, 'healthy');
    const answeredMs = performance.now();
    const granted = await this.#healthy.heartbeat(SERVED_WITHIN_MS);
    const onSocket = await this.#sockets.problemOfHealthy(SERVED_WITHIN_MS);
    this.#clientMs = Math.max(this.#clientMs, answeredMs - askedMs);
    this.#agentMs = Math.max(this.#agentMs, performance.now() - answeredMs);
    const starved = this.#lapses.starved.length;
    if (answer.code !== 'ok') this.#late(`a healthy client got ${answer.code}: ${answer.text}`);
    if (onSocket !== '') this.#late(`a healthy agent on a socket was not granted its heartbeat: ${onSocket}`);
    if (!granted || this.#healthy.isOver) this.#late('a healthy agent was not granted its heartbeat');
    const liveness = this.#world.livenessOf(HEALTHY.server);
    if (liveness !== 'ALIVE') this.#late(`the healthy server is ${liveness}`);
    const now = this.#world.attemptsOn(HEALTHY.server);
    if (now.join() !== this.#steady.join()) this.#late(`its attempts are ${now.join()}, not ${this.#steady.join()}`);
    if (this.#lapses.starved.length > starved) await this.#recover();
    const heapBytes = collectedMemory().heapUsed;
    this.#heap = [isWarm && this.#heap[0] > 0 ? this.#heap[0] : heapBytes, heapBytes];
    const [warm] = this.#heap;
    if (heapBytes - warm > HEAP_ROOM_BYTES) this.#complain(`the heap grew from ${warm} to ${heapBytes} bytes`);
    this.#starvation.forget();
  }

  #connect(id: string): FuzzAgent {
    const agent = this.#world.connect(id, 'default');
    this.#hostile.set(id, agent);
    return agent;
  }

  #message(): Promise<void> {
    if (this.#prng.chance(ATTACK_SHARE)) return this.#attack();
    return this.#prng.chance(0.4) ? this.#agentMessage() : this.#request();
  }

  async #attack(): Promise<void> {
    const isOnAgents = this.#prng.chance(0.4);
    const request = isOnAgents ? this.#agentConversation() : this.#requests.next();
    await this.#sockets.attack(isOnAgents ? 'agents' : 'api', attackWith(this.#prng, request));
  }

  /** What an agent that nobody knows says on a connection of its own. */
  #agentConversation(): FuzzRequest {
    const method = this.#prng.pick(AgentService.methods);
    if (method?.methodKind === 'unary' && this.#prng.chance(UNARY_SHARE)) {
      const path = `/${AgentService.typeName}/${method.name}`;
      const body = enveloped(toBinary(method.input, this.#values.message(method.input)));
      return { path, contentType: 'application/grpc', body };
    }
    const said = Array.from({ length: this.#prng.int(0, 3) }, () => enveloped(this.#sayings.next(UNKNOWN_AGENT)));
    return {
      path: '/locum.v1.AgentService/Connect',
      contentType: 'application/grpc',
      body: Buffer.concat([enveloped(UNKNOWN_HELLO), ...said]),
    };
  }

  async #request(): Promise<void> {
    const request = this.#requests.next();
    const { path, contentType, body } = request;
    const { code, text } = this.#prng.chance(SOCKET_SHARE)
      ? await this.#sockets.call(request, 'fuzzed')
      : await this.#world.call(path, contentType, body);
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
    if (DEFECT_CODES.has(code)) this.#complain(`${path} answered ${code}: ${text} to ${hexOf(body)}`);
  }

  async #agentMessage(): Promise<void> {
    const id = this.#prng.pick(HOSTILE) ?? '';
    let agent = this.#hostile.get(id);
    if (agent === undefined || agent.isOver) {
      if (agent?.defect !== undefined) this.#complain(`an agent's stream ended with ${agent.defect}`);
      agent?.close();
      agent = this.#connect(id);
      await new Promise((resolve) => setImmediate(resolve));
    }
    agent.sayBytes(this.#sayings.next(agent));
    if (this.#prng.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
  }

  /** What there is, but for the healthy ones; and who is to come. */
  #readNames(): readonly string[] {
    const isSpared = (name: string): boolean => Object.values(HEALTHY).some((word) => name.includes(word));
    return [...this.#world.names().filter((name) => !isSpared(name)), ...HOSTILE.map((id) => `servers/${id}`)];
  }

  #complain(what: string): void {
    this.#lapses.complain(`message ${this.#sent}: ${what}`);
  }

  /** Something that takes no time took too long. */
  #late(what: string): void {
    this.#lapses.late(`message ${this.#sent}: ${what}`);
  }
}

function json(world: FuzzWorld, method: string, request: object) {
  const { parent, name } = methodNamed(method);
  const body = new TextEncoder().encode(JSON.stringify(request));
  return world.call(`/${parent.typeName}/${name}`, 'application/json', body);
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 400)).toString('hex');
