/**
 * The fuzzer: requests to every method and messages of agents that hold attempts, in bytes and in values, extremes first. After each batch
 * a healthy client and a healthy agent are served, the healthy server keeps its lease and its attempt, and no answer was INTERNAL or
 * UNKNOWN. What it sends depends on its seed alone; what comes of it also on how messages meet.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create, type DescMethod, fromJson, toBinary, toJson, toJsonString } from '@bufbuild/protobuf';
import { ConnectRequestSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { Prng } from '../../shared/prng.ts';
import { examples, methodNamed, services } from '../e2e/every-method.ts';
import type { FuzzAgent } from './fuzz-agent.ts';
import { DEFECT_CODES, FuzzWorld } from './fuzz-world.ts';
import { mutateBytes, ValueSource } from './values.ts';

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
  /** Longest wait of the healthy client and of the healthy agent, after any batch. */
  readonly clientMs: number;
  readonly agentMs: number;
  /** Heap in use after a collection: after the first quarter, and now. */
  readonly heapBytes: readonly [number, number];
}

const HOSTILE = ['fuzz-a', 'fuzz-b', 'fuzz-c', 'fuzz-d'];
/** In a pool of its own, which no fuzzed request names. */
const HEALTHY = { server: 'healthy', pool: 'quiet', policy: 'steady' };
const SERVED_WITHIN_MS = 5_000;
const KINDS = [
  'application/json',
  'application/proto',
  'application/grpc',
  'application/grpc-web+proto',
  'application/grpc+json',
];
const PRIVATE = /\b(quiet|healthy|steady)\b/;

export async function fuzz({ messages, seed, batch, onBatch }: FuzzOptions): Promise<FuzzReport> {
  const run = await FuzzRun.start(seed);
  try {
    for (let done = 0; done < messages; ) {
      const size = Math.min(batch, messages - done);
      for (let i = 0; i < size; i += 1) await run.one();
      done += size;
      await run.look(done >= messages / 4);
      onBatch?.(run.report);
      if (run.report.violations.length > 0) break;
    }
    return run.report;
  } finally {
    run.end();
  }
}

class FuzzRun {
  readonly #world: FuzzWorld;
  readonly #prng: Prng;
  readonly #values: ValueSource;
  readonly #methods: readonly DescMethod[] = services.flatMap(({ methods }) => methods);
  readonly #examples: ReadonlyMap<string, object>;
  readonly #healthy: FuzzAgent;
  readonly #beats: NodeJS.Timeout;
  readonly #hostile = new Map<string, FuzzAgent>();
  readonly #codes = new Map<string, number>();
  readonly #violations: string[] = [];
  #sent = 0;
  #clientMs = 0;
  #agentMs = 0;
  #steady: readonly number[] = [];
  #heap: [number, number] = [0, 0];

  private constructor(world: FuzzWorld, seed: number) {
    this.#world = world;
    this.#prng = new Prng(seed);
    this.#values = new ValueSource(this.#prng.fork(), () => [
      ...world.names().filter((name) => !PRIVATE.test(name)),
      ...HOSTILE.map((id) => `servers/${id}`),
    ]);
    this.#examples = new Map(
      examples({ id: 'fuzz', run: 'policies-1' }).map(({ method, request }) => [method, request]),
    );
    this.#healthy = world.connect(HEALTHY.server, HEALTHY.pool);
    this.#beats = setInterval(() => void this.#healthy.heartbeat(0), 1_000);
  }

  static async start(seed: number): Promise<FuzzRun> {
    const world = await FuzzWorld.start();
    await json(world, 'PoolService/CreatePool', { pool: { name: `pools/${HEALTHY.pool}` } });
    const run = new FuzzRun(world, seed);
    await run.#setUp();
    return run;
  }

  get report(): FuzzReport {
    return {
      messages: this.#sent,
      codes: this.#codes,
      violations: [...this.#violations, ...this.#world.defects].slice(0, 20),
      clientMs: this.#clientMs,
      agentMs: this.#agentMs,
      heapBytes: this.#heap,
    };
  }

  end(): void {
    clearInterval(this.#beats);
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
    if (!(await this.#healthy.heartbeat(SERVED_WITHIN_MS))) throw new Error('the healthy agent was never granted');
    while (this.#world.attemptsOn(server).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    this.#steady = this.#world.attemptsOn(server);
  }

  async one(): Promise<void> {
    this.#sent += 1;
    if (this.#prng.chance(0.4)) await this.#agentMessage();
    else await this.#request();
  }

  /** After a batch: those who did nothing wrong have lost nothing. */
  async look(isWarm: boolean): Promise<void> {
    const askedMs = performance.now();
    const answer = await json(this.#world, 'ClusterService/GetStatus', {});
    const answeredMs = performance.now();
    const granted = await this.#healthy.heartbeat(SERVED_WITHIN_MS);
    this.#clientMs = Math.max(this.#clientMs, answeredMs - askedMs);
    this.#agentMs = Math.max(this.#agentMs, performance.now() - answeredMs);
    if (answer.code !== 'ok') this.#complain(`a healthy client got ${answer.code}: ${answer.text}`);
    if (!granted || this.#healthy.isOver) this.#complain('a healthy agent was not granted its heartbeat');
    const liveness = this.#world.livenessOf(HEALTHY.server);
    if (liveness !== 'ALIVE') this.#complain(`the healthy server is ${liveness}`);
    const now = this.#world.attemptsOn(HEALTHY.server);
    if (now.join() !== this.#steady.join())
      this.#complain(`its attempts are ${now.join()}, not ${this.#steady.join()}`);
    const heapBytes = heapInUse();
    this.#heap = [isWarm && this.#heap[0] > 0 ? this.#heap[0] : heapBytes, heapBytes];
  }

  #connect(id: string): FuzzAgent {
    const agent = this.#world.connect(id, 'default');
    this.#hostile.set(id, agent);
    return agent;
  }

  async #request(): Promise<void> {
    const method = this.#prng.pick(this.#methods);
    if (method === undefined) return;
    const kind = this.#prng.pick(KINDS) ?? '';
    const { body, text } = this.#body(method, kind);
    const path = `/${method.parent.typeName}/${method.name}`;
    const answer = await this.#world.call(path, streamed(kind, method), enveloped(kind, method, body));
    this.#codes.set(answer.code, (this.#codes.get(answer.code) ?? 0) + 1);
    if (DEFECT_CODES.has(answer.code)) this.#complain(`${path} answered ${answer.code}: ${answer.text} to ${text}`);
  }

  #body(method: DescMethod, kind: string): { readonly body: Uint8Array; readonly text: string } {
    const { input } = method;
    const example = this.#examples.get(`${method.parent.name}/${method.name}`);
    const message =
      example !== undefined && this.#prng.chance(0.7)
        ? this.#values.mutate(input, fromJson(input, toJson(input, fromJson(input, example as never))))
        : this.#values.message(input);
    let bytes: Uint8Array;
    if (kind.endsWith('json')) {
      let text = '{}';
      try {
        text = toJsonString(input, message);
      } catch {
        // Values that JSON can't say: an odd time, an odd mask. They are sent in bytes.
      }
      bytes = new TextEncoder().encode(text);
    } else {
      bytes = toBinary(input, message);
    }
    if (this.#prng.chance(0.3)) bytes = mutateBytes(this.#prng, bytes);
    // What would be a rightful order to the healthy ones is none of a fuzzer's.
    if (PRIVATE.test(Buffer.from(bytes).toString('latin1'))) bytes = new Uint8Array();
    return { body: bytes, text: Buffer.from(bytes.subarray(0, 400)).toString('hex') };
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
    agent.sayBytes(this.#saying(agent));
    if (this.#prng.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Something about an attempt that it holds, with one thing wrong; or anything at all. */
  #saying(agent: FuzzAgent): Uint8Array {
    const held = this.#prng.pick(agent.held);
    const attempt = held === undefined ? {} : { ...held, state: this.#prng.int(1, 6), pid: 7 };
    const cases = [
      { case: 'attemptReport', value: { attempts: [attempt] } },
      { case: 'fullState', value: { attempts: [attempt], lastPart: true, generation: 1n } },
      { case: 'commandResult', value: { commandId: agent.lastCommandId, outcome: this.#prng.int(1, 5) } },
      { case: 'goodbye', value: { attempts: [attempt], reason: 'LEAVE' } },
      {
        case: 'heartbeat',
        value: { sequence: 1n, capacity: { maxSlots: 5 }, capabilities: { capabilities: [{ name: 'a' }] } },
      },
      { case: 'outputChunk', value: { requestId: 1n, size: 5n } },
    ];
    const message = create(ConnectRequestSchema, { message: this.#prng.pick(cases) } as never);
    const said = this.#prng.chance(0.8)
      ? this.#values.mutate(ConnectRequestSchema, message)
      : this.#values.message(ConnectRequestSchema);
    const bytes = toBinary(ConnectRequestSchema, said);
    return this.#prng.chance(0.3) ? mutateBytes(this.#prng, bytes) : bytes;
  }

  #complain(what: string): void {
    this.#violations.push(`message ${this.#sent}: ${what}`);
  }
}

function json(world: FuzzWorld, method: string, request: object) {
  const { parent, name } = methodNamed(method);
  const body = new TextEncoder().encode(JSON.stringify(request));
  return world.call(`/${parent.typeName}/${name}`, 'application/json', body);
}

/** Streams of Connect have content types of their own. */
function streamed(kind: string, { methodKind }: DescMethod): string {
  return methodKind === 'unary' ? kind : kind.replace(/^application\/(json|proto)$/, 'application/connect+$1');
}

/** Behind a flag and a length, where the protocol wants them. */
function enveloped(kind: string, method: DescMethod, message: Uint8Array): Uint8Array {
  if (!/grpc|connect\+/.test(streamed(kind, method))) return message;
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

let collect: (() => void) | undefined;

function heapInUse(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  return process.memoryUsage().heapUsed;
}
