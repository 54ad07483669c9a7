/**
 * `npm run bench -- largest-bodies`: what the largest legal and illegal body of each method costs everybody else. For each: the longest
 * step of the controller's own thread, in its processor time between two turns of a timer of one millisecond; how long small calls of another
 * client and renewals of a healthy agent take meanwhile, at worst; and whether the agents keep their leases. All of it goes through real
 * sockets, to a controller in a process of its own that has 5,000 policies, 40 of them with the longest script.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DescMessage, type DescMethod, fromJson, toBinary } from '@bufbuild/protobuf';
import { API_SERVICES } from '../controller/api/api-services.ts';
import { LIMITS } from '../shared/limits.ts';
import type { Clients } from '../test/controller/controller-world.ts';
import { examples } from '../test/e2e/every-method.ts';

interface Row {
  readonly method: string;
  readonly body: string;
  readonly bytes: number;
  readonly answer: string;
  readonly longestStepMs: number;
  readonly smallCallMs: number;
  readonly renewalMs: number;
}

const SMALL_CALL = '/locum.v1.PoolService/GetPool';
/** A stream that says nothing for so long has said all. */
const STREAM_PATIENCE_MS = 1_000;
/** What the controller has. */
const POLICIES = 5_000;
const LONG_SCRIPTS = 40;

const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** The largest that is legal, where a method takes more than a name. */
const LEGAL: Readonly<Record<string, () => object>> = {
  CreatePolicy: () => ({ policy: largestPolicy(), validateOnly: true }),
  UpdatePolicy: () => ({ policy: largestPolicy(), allowMissing: true, validateOnly: true }),
  // Not the one that the examples need afterwards.
  DeletePolicy: () => ({ name: 'policies/p-2' }),
  StartPolicy: () => ({ name: 'policies/p-0', arguments: many(1_000, () => 'x'.repeat(64)), validateOnly: true }),
  SetServerOrder: () => ({
    pool: 'pools/default',
    servers: many(LIMITS.poolServers, (i) => `servers/${'s'.repeat(50)}${i}`),
  }),
  ConfirmServerDead: () => ({
    name: 'servers/a',
    uid: 'u',
    bootId: 'b',
    epochs: many(LIMITS.inventoryAttempts, String),
    reason: 'r',
  }),
};

function largestPolicy(): object {
  return {
    name: 'policies/largest',
    workload: {
      script: { text: 'x'.repeat(LIMITS.scriptBytes) },
      env: Object.fromEntries(many(LIMITS.envVariables, (i) => [`V${i}`, 'x'.repeat(180)])),
    },
    requirements: many(LIMITS.requirements, (i) => `${'a'.repeat(60)}${i} = ${'v'.repeat(128)}`),
    servers: many(LIMITS.policyServers, (i) => `servers/${'s'.repeat(50)}${i}`),
    labels: Object.fromEntries(many(LIMITS.labels, (i) => [`k${i}`, 'v'.repeat(256)])),
  };
}

/** Illegal ones that every method can get: as many parts, and as few, as fit the limit of a request. */
function illegal({ input }: DescMethod): readonly { readonly body: string; readonly bytes: Uint8Array }[] {
  const repeated =
    input.fields.find(({ fieldKind }) => fieldKind === 'message' || fieldKind === 'list') ?? input.fields[0];
  const tag = ((repeated?.number ?? 1) << 3) | 2;
  const room = LIMITS.requestBytes - 64;
  return [
    { body: 'empty parts', bytes: new Uint8Array(room).map((_, i) => (i % 2 === 0 ? tag : 0)) },
    {
      body: 'parts up to the bound',
      bytes: new Uint8Array(2 * (LIMITS.requestValues - 1)).map((_, i) => (i % 2 === 0 ? tag : 0)),
    },
    {
      body: 'one long text',
      bytes: Buffer.concat([Buffer.from([0x0a, ...varint(room - 16)]), Buffer.alloc(room - 16, 0x78)]),
    },
    { body: 'groups', bytes: new Uint8Array(room).fill(0x0b) },
  ];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))];
}

/** Right requests of methods that take little. */
const EXAMPLES = new Map(
  examples({ id: 'p-1', run: 'runs/p-0-1' }).map(({ method, request }) => [method.split('/')[1] ?? '', request]),
);

function legal({ name, input }: DescMethod): Uint8Array {
  const isList = input.fields.some((field) => field.name === 'page_size');
  const request = LEGAL[name]?.() ?? (isList ? { pageSize: LIMITS.pageItems } : EXAMPLES.get(name)) ?? {};
  return toBinary(input, fromJson(input as DescMessage, request as never) as never);
}

if (process.send !== undefined) await serve();
else await measure();

/** The controller, with agents that live, in a process of its own. */
async function serve(): Promise<void> {
  const { ControllerWorld } = await import('../test/controller/controller-world.ts');
  const { DEFAULT_TIMERS } = await import('../shared/protocol/timers.ts');
  const world = await ControllerWorld.start({ timers: DEFAULT_TIMERS });
  for (const id of ['a', 'b', ...many(18, (i) => `agent-${i}`)]) await world.liveAgent(id);
  await fill(world.api);
  let last = process.threadCpuUsage();
  let longestMs = 0;
  setInterval(() => {
    const used = process.threadCpuUsage(last);
    longestMs = Math.max(longestMs, (used.user + used.system) / 1_000);
    last = process.threadCpuUsage();
  }, 1);
  const look = async (): Promise<void> => {
    const { servers } = await world.api.servers.listServers({});
    const notAlive = servers.filter(({ liveness }) => liveness !== 1).length;
    process.send?.({ longestMs, notAlive });
    longestMs = 0;
  };
  process.on('message', () => void look());
  process.on('disconnect', () => process.exit());
  process.send?.({ api: world.controller.apiAddress, agents: world.controller.agentAddress });
}

async function fill({ policies }: Clients): Promise<void> {
  const trigger = { kind: { case: 'onDemand' as const, value: {} } };
  for (let from = 0; from < POLICIES; from += 100) {
    const calls = many(100, (i) => {
      const text = from + i < LONG_SCRIPTS ? 'x'.repeat(LIMITS.scriptBytes) : 'true';
      const workload = { kind: { case: 'script' as const, value: { text } } };
      return policies.createPolicy({ policy: { name: `policies/p-${from + i}`, workload, trigger } });
    });
    await Promise.all(calls);
  }
}

async function measure(): Promise<void> {
  const child = fork(import.meta.filename);
  const [{ api, agents }] = (await once(child, 'message')) as [{ api: string; agents: string }];
  const look = async (): Promise<{ longestMs: number; notAlive: number }> => {
    child.send('look');
    const [found] = (await once(child, 'message')) as [{ longestMs: number; notAlive: number }];
    return found;
  };
  const { ScriptedAgent } = await import('../test/controller/scripted-agent.ts');
  const healthy = new ScriptedAgent(agents, 'healthy');
  await healthy.join();
  const rows: Row[] = [];
  let notAlive = 0;
  for (const method of API_SERVICES.flatMap(({ methods }) => methods)) {
    for (const { body, bytes } of [{ body: 'largest legal', bytes: legal(method) }, ...illegal(method)]) {
      await look();
      const large = post(api, `/${method.parent.typeName}/${method.name}`, ...asSent(method, bytes));
      const [answer, smallCallMs, renewalMs] = await Promise.all([
        large,
        longestUntil(large, () => post(api, SMALL_CALL, 'application/json', Buffer.from('{"name":"pools/default"}'))),
        longestUntil(large, () => healthy.grantedFromNow()),
      ]);
      const found = await look();
      notAlive += found.notAlive;
      const longestStepMs = found.longestMs;
      rows.push({ method: method.name, body, bytes: bytes.length, answer, longestStepMs, smallCallMs, renewalMs });
    }
  }
  print(rows, notAlive);
  healthy.close();
  child.kill();
}

/** Does something again and again until this is over, once at least; how long it took at worst. */
async function longestUntil(over: Promise<unknown>, act: () => Promise<unknown>): Promise<number> {
  let isOver = false;
  const ended = over.then(() => {
    isOver = true;
  });
  let longestMs = 0;
  do {
    const began = performance.now();
    await act();
    longestMs = Math.max(longestMs, performance.now() - began);
  } while (!isOver);
  await ended;
  return longestMs;
}

/** Streams have their message in an envelope. */
function asSent({ methodKind }: DescMethod, message: Uint8Array): [string, Uint8Array] {
  if (methodKind === 'unary') return ['application/proto', message];
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return ['application/connect+proto', Buffer.concat([head, message])];
}

async function post(address: string, path: string, kind: string, body: Uint8Array): Promise<string> {
  const headers = { 'content-type': kind };
  const answer = await fetch(`http://${address}${path}`, { method: 'POST', headers, body: Uint8Array.from(body) });
  // A watch never ends: what comes at once is all that is waited for.
  const reader = answer.body?.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const read = await Promise.race([reader?.read(), sleep(STREAM_PATIENCE_MS)]);
    if (read?.value === undefined) break;
    chunks.push(read.value);
  }
  await reader?.cancel();
  const [, code] = /"code":"(\w+)"/.exec(Buffer.concat(chunks).toString('latin1', 0, 1_000)) ?? [];
  return code ?? (answer.status === 200 ? 'ok' : `http ${answer.status}`);
}

/** Of each method what is legal, and of what is illegal the one with the longest step. */
function shown(rows: readonly Row[]): readonly Row[] {
  return Array.from(Map.groupBy(rows, ({ method }) => method).values(), ([legalRow, ...others]) => {
    const [worst] = others.sort((a, b) => b.longestStepMs - a.longestStepMs);
    return [legalRow, worst].filter((row) => row !== undefined);
  }).flat();
}

function print(rows: readonly Row[], notAlive: number): void {
  console.log(
    'method              body                       bytes  answer               longest step  small call  renewal',
  );
  for (const { method, body, bytes, answer, longestStepMs, smallCallMs, renewalMs } of shown(rows)) {
    const head = `${method.padEnd(20)}${body.padEnd(22)}${String(bytes).padStart(10)}  ${answer.padEnd(20)}`;
    console.log(
      `${head}  ${longestStepMs.toFixed(1).padStart(9)} ms ${smallCallMs.toFixed(0).padStart(8)} ms ${renewalMs.toFixed(0).padStart(5)} ms`,
    );
  }
  const worst = (of: (row: Row) => number): string => Math.max(...rows.map(of)).toFixed(0);
  const figures = [
    `a step of ${worst((row) => row.longestStepMs)} ms`,
    `a small call of ${worst((row) => row.smallCallMs)} ms`,
    `a renewal of ${worst((row) => row.renewalMs)} ms`,
  ];
  console.log(`at worst: ${figures.join(', ')}; ${notAlive} times an agent of 21 was found without its lease`);
}
