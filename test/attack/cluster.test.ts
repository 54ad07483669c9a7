/** All at once against a whole controller on real sockets, from other addresses than those of the healthy. Figures are told, not judged. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { Liveness } from '../../shared/gen/locum/v1/server_pb.ts';
import { MIB } from '../../shared/limits.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller/controller-world.ts';
import { callHead, FLAG, FRAME, flood, fourBytes, frame, openHttp2 } from './frames.ts';

/** Short, and long enough that a lease is lost only when somebody really waited. */
const TIMERS: Timers = {
  heartbeatMs: 500,
  suspectAfterMs: 3_000,
  leaseMs: 4_000,
  stopTimeoutMs: 300,
  killGuardMs: 200,
  missingAfterMs: 6_000,
};
const ATTACK_MS = 8_000;
const AGENTS = 5;

type Attacker = (ports: { readonly api: number; readonly agents: number }) => Promise<readonly Socket[]>;

const GET_STATUS = callHead('/locum.v1.ClusterService/GetStatus');
const WATCH = callHead('/locum.v1.PolicyService/WatchPolicies', 'application/grpc');
const CONNECT = callHead('/locum.v1.AgentService/Connect', 'application/grpc');
const EMPTY_MESSAGE = Buffer.alloc(5);

async function silent(port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  return socket;
}

/** Each is played again and again until the time is up; what it leaves open stays open. */
const ATTACKERS: Readonly<Record<string, Attacker>> = {
  'resets calls': async ({ api }) => {
    const socket = await openHttp2(api, '127.0.0.2');
    await flood(socket, 2_000, (i) =>
      Buffer.concat([
        frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * i + 1, GET_STATUS),
        frame(FRAME.DATA, FLAG.END_STREAM, 2 * i + 1, Buffer.from('{}')),
        frame(FRAME.RST_STREAM, FLAG.NONE, 2 * i + 1, fourBytes(8)),
      ]),
    );
    return [socket];
  },
  pings: async ({ agents, api }) => {
    const sockets = [await openHttp2(api, '127.0.0.3'), await openHttp2(agents, '127.0.0.3')];
    for (const socket of sockets) await flood(socket, 2_000, () => frame(FRAME.PING, FLAG.NONE, 0, Buffer.alloc(8)));
    return sockets;
  },
  'never ends a body': async ({ api }) => {
    const socket = await openHttp2(api, '127.0.0.4');
    for (let stream = 1; stream < 40; stream += 2) {
      socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, GET_STATUS));
      socket.write(frame(FRAME.DATA, FLAG.NONE, stream, Buffer.alloc(3_000, 0x20)));
    }
    return [socket];
  },
  'never reads a watch': async ({ api }) => {
    const socket = await openHttp2(api, '127.0.0.5');
    // No room for a single byte of an answer.
    const noWindow = Buffer.concat([Buffer.from([0, 4]), fourBytes(0)]);
    socket.write(frame(FRAME.SETTINGS, FLAG.NONE, 0, noWindow));
    for (let stream = 1; stream < 40; stream += 2) {
      socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, WATCH));
      socket.write(frame(FRAME.DATA, FLAG.END_STREAM, stream, EMPTY_MESSAGE));
    }
    return [socket];
  },
  'says nothing': async ({ agents, api }) => [await silent(api, '127.0.0.6'), await silent(agents, '127.0.0.6')],
  'says no Hello': async ({ agents }) => {
    const socket = await openHttp2(agents, '127.0.0.7');
    socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, CONNECT));
    return [socket];
  },
  'says rubbish as an agent, and too much of it': async ({ agents }) => {
    const socket = await openHttp2(agents, '127.0.0.8');
    for (let stream = 1; stream < 16; stream += 2) {
      socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, CONNECT));
      const length = stream === 1 ? MIB : 64;
      socket.write(
        frame(
          FRAME.DATA,
          FLAG.NONE,
          stream,
          Buffer.concat([Buffer.from([0]), fourBytes(length), Buffer.alloc(64, 0xff)]),
        ),
      );
    }
    return [socket];
  },
};

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

async function epochs({ api }: ControllerWorld): Promise<readonly string[]> {
  const { runs } = await api.runs.listRuns({});
  return runs
    .filter(({ state }) => state === RunState.RUNNING)
    .map(({ name, attempts }) => `${name} ${attempts.at(-1)?.epoch}`)
    .sort();
}

/** Calls of a healthy client, one after the other; how long each took. */
async function callsUntil({ api }: ControllerWorld, endMs: number): Promise<readonly number[]> {
  const took: number[] = [];
  while (performance.now() < endMs) {
    const askedMs = performance.now();
    await api.cluster.getStatus({});
    took.push(performance.now() - askedMs);
    await sleep(20);
  }
  return took;
}

async function playUntil(attacker: Attacker, ports: Parameters<Attacker>[0], endMs: number): Promise<number> {
  const open: Socket[] = [];
  let rounds = 0;
  for (; performance.now() < endMs; rounds += 1) {
    open.push(...(await attacker(ports)));
    await sleep(10);
  }
  for (const socket of open) socket.destroy();
  return rounds;
}

describe('a controller under all attacks at once', () => {
  it(
    'answers every call, and no agent loses its lease or its run',
    inWorld(
      async (world) => {
        const agents = [];
        const workload = { kind: { case: 'command' as const, value: { argv: ['sleep', '1'] } } };
        for (let i = 0; i < AGENTS; i += 1) {
          agents.push(await world.liveAgent(`web-${i}`));
          const policy = { name: `policies/p-${i}`, servers: [`servers/web-${i}`], workload };
          await world.api.policies.createPolicy({ policy });
        }
        const before = await eventually(async () => {
          const running = await epochs(world);
          return running.length === AGENTS ? running : undefined;
        });
        const ports = { api: portOf(world.controller.apiAddress), agents: portOf(world.controller.agentAddress) };
        const endMs = performance.now() + ATTACK_MS;
        const [took, ...rounds] = await Promise.all([
          callsUntil(world, endMs),
          ...Object.values(ATTACKERS).map((attacker) => playUntil(attacker, ports, endMs)),
        ]);
        const sorted = [...took].sort((a, b) => a - b);
        const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(0);
        console.log(
          `${sorted.length} calls: half within ${at(0.5)} ms, 99 % within ${at(0.99)} ms; rounds ${rounds.join(', ')}`,
        );
        expect(Math.min(...rounds)).toBeGreaterThan(0);
        expect(took.length).toBeGreaterThan(0);
        expect(await epochs(world)).toEqual(before);
        const { servers } = await world.api.servers.listServers({});
        expect(servers.map(({ liveness }) => liveness)).toEqual(agents.map(() => Liveness.ALIVE));
        for (const agent of agents) await agent.grantedFromNow();
      },
      { timers: TIMERS },
    ),
    60_000,
  );
});
