/** All at once against a whole controller on real sockets, from other addresses than those of the healthy. Figures are told, not judged. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { Liveness } from '../../shared/gen/locum/v1/server_pb.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller/controller-world.ts';
import { ATTACKS, playUntil } from './attackers.ts';

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

/** Those that need no TLS. */
const attacks = Object.values(ATTACKS).filter(({ overTls = false }) => !overTls);

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
          ...attacks.map((attack, i) => playUntil(attack, ports, `127.0.0.${i + 2}`, endMs)),
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
        // Strangers register names as well.
        const healthy = servers.filter(({ name }) => name.startsWith('servers/web-'));
        expect(healthy.map(({ liveness }) => liveness)).toEqual(agents.map(() => Liveness.ALIVE));
        for (const agent of agents) await agent.grantedFromNow();
      },
      { timers: TIMERS },
    ),
    60_000,
  );
});
