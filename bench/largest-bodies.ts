/**
 * `npm run bench -- largest-bodies`: what the largest legal and illegal body of each method costs everybody else. For each: the longest
 * step of the controller's own thread, in its processor time between two turns of a timer of one millisecond; how long a small call waits
 * meanwhile; and whether the agents keep their leases. Bodies go through real sockets, to a controller in a process of its own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { create, type DescMessage, type DescMethod, fromJson, toBinary } from '@bufbuild/protobuf';
import { API_SERVICES } from '../controller/api/api-listener.ts';
import { LIMITS } from '../shared/limits.ts';

interface Row {
  readonly method: string;
  readonly body: string;
  readonly bytes: number;
  readonly status: number;
  readonly longestStepMs: number;
  readonly smallCallMs: number;
}

const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** The largest that is legal, where a method takes more than a name. */
const LEGAL: Readonly<Record<string, () => object>> = {
  CreatePolicy: () => ({ policy: largestPolicy(), validateOnly: true }),
  UpdatePolicy: () => ({ policy: largestPolicy(), allowMissing: true, validateOnly: true }),
  StartPolicy: () => ({ name: 'policies/held', arguments: many(1_000, () => 'x'.repeat(64)), validateOnly: true }),
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
    requirements: many(LIMITS.requirements, (i) => `a${i} = ${'v'.repeat(240)}`),
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

function legal({ name, input }: DescMethod): Uint8Array {
  const make = LEGAL[name];
  return toBinary(
    input,
    make === undefined ? create(input) : (fromJson(input as DescMessage, make() as never) as never),
  );
}

if (process.send !== undefined) await serve();
else await measure();

/** The controller, with agents that live, in a process of its own. */
async function serve(): Promise<void> {
  const { ControllerWorld } = await import('../test/controller/controller-world.ts');
  const { DEFAULT_TIMERS } = await import('../controller/core/timers.ts');
  const world = await ControllerWorld.start({ timers: DEFAULT_TIMERS });
  for (const id of many(20, (i) => `agent-${i}`)) await world.liveAgent(id);
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
  process.send?.({ address: world.controller.apiAddress });
}

async function measure(): Promise<void> {
  const child = fork(import.meta.filename);
  const [{ address }] = (await once(child, 'message')) as [{ address: string }];
  const look = async (): Promise<{ longestMs: number; notAlive: number }> => {
    child.send('look');
    const [found] = (await once(child, 'message')) as [{ longestMs: number; notAlive: number }];
    return found;
  };
  const rows: Row[] = [];
  let notAlive = 0;
  for (const method of API_SERVICES.flatMap(({ methods }) => methods)) {
    if (method.methodKind !== 'unary') continue;
    for (const { body, bytes } of [{ body: 'largest legal', bytes: legal(method) }, ...illegal(method)]) {
      await look();
      const sent = post(address, `/${method.parent.typeName}/${method.name}`, 'application/proto', bytes);
      const askedMs = performance.now();
      await post(address, '/locum.v1.PoolService/GetPool', 'application/json', Buffer.from('{"name":"pools/default"}'));
      const smallCallMs = performance.now() - askedMs;
      const status = await sent;
      const found = await look();
      notAlive += found.notAlive;
      rows.push({
        method: method.name,
        body,
        bytes: bytes.length,
        status,
        longestStepMs: found.longestMs,
        smallCallMs,
      });
    }
  }
  print(rows, notAlive);
  child.kill();
}

async function post(address: string, path: string, kind: string, body: Uint8Array): Promise<number> {
  const headers = { 'content-type': kind };
  const answer = await fetch(`http://${address}${path}`, { method: 'POST', headers, body: Uint8Array.from(body) });
  await answer.arrayBuffer();
  return answer.status;
}

function print(rows: readonly Row[], notAlive: number): void {
  console.log('method                body                        bytes  status  longest step  small call');
  for (const { method, body, bytes, status, longestStepMs, smallCallMs } of rows) {
    const figures = `${longestStepMs.toFixed(1).padStart(9)} ms  ${smallCallMs.toFixed(1).padStart(7)} ms`;
    console.log(
      `${method.padEnd(22)}${body.padEnd(24)}${String(bytes).padStart(9)}  ${String(status).padStart(6)}  ${figures}`,
    );
  }
  const worst = (of: (row: Row) => number): string => Math.max(...rows.map(of)).toFixed(1);
  console.log(
    `at worst: a step of ${worst((row) => row.longestStepMs)} ms, a small call of ${worst((row) => row.smallCallMs)} ms; ${notAlive} of 20 agents lost their lease`,
  );
}
