/** Agents, keepers and controllers that are killed, stopped, restarted and upgraded. */
import { setTimeout as sleep } from 'node:timers/promises';
import { killProcess } from '../../cli/dev/host-processes.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { type FaultWorld, SERVERS, stateWord } from './fault-world.ts';
import { SHORT_WORK, uptimeMs } from './life-witness.ts';

export interface Fault {
  readonly name: string;
  readonly play: (world: FaultWorld) => Promise<void>;
}

const LOAD_RUNS = 12;
/** Less than the shortest lease, more than a heartbeat interval. */
const SHORT_PAUSE_MS = 700;

/** True when the outage that began then was short enough for no lease to end; else this machine can't show the promise. */
function wasTolerable({ timers, lag, report }: FaultWorld, sinceMs: number): boolean {
  const tookMs = uptimeMs() - sinceMs;
  const limitMs = timers.toleratedMs - lag.worstMs;
  if (tookMs > limitMs)
    report.skip(`the outage took ${tookMs} ms, of ${Math.round(limitMs)} ms that stop nothing here`);
  return tookMs <= limitMs;
}

/** A fault after which everything goes on as it was, unless the machine made it last too long. */
async function harmless(world: FaultWorld, outage: (server: string) => Promise<void>): Promise<void> {
  const before = await world.home();
  const startMs = uptimeMs();
  await outage(before.server);
  if (wasTolerable(world, startMs)) await world.livesOn(before, startMs + world.timers.leaseMs + 300);
}

async function upgradeUnderLoad(world: FaultWorld): Promise<void> {
  const { stage, cluster, report, witness } = world;
  const before = await world.home();
  const trigger = { kind: { case: 'onDemand', value: {} } } as const;
  const load = witness.policy(
    'load',
    { trigger, maxConcurrentRuns: 2 * LOAD_RUNS, servers: [`servers/${before.server}`] },
    SHORT_WORK,
  );
  await stage.apply(load);
  const names: string[] = [];
  const startSome = async (): Promise<void> => {
    for (let i = 0; i < LOAD_RUNS / 2; i += 1) {
      names.push((await stage.policies.startPolicy({ name: 'policies/load' })).run?.name ?? '');
    }
  };
  await startSome();
  const startMs = uptimeMs();
  await cluster.stopAgent(before.server, 'SIGTERM');
  await startSome();
  await world.startAgent(before.server);
  const inTime = wasTolerable(world, startMs);
  for (const name of names) {
    const { state, attemptCount } = await world.until(`${name} ends`, async () => {
      const { run } = await stage.runs.getRun({ name });
      return run?.endTime === undefined ? undefined : run;
    });
    report.check(`${name} succeeds`, state === RunState.SUCCEEDED, stateWord(state));
    const lives = witness.lives(name.slice('runs/'.length));
    if (inTime) report.check(`${name} works once`, lives.length === 1, `${lives.length} of ${attemptCount} attempts`);
  }
  if (inTime) await world.livesOn(before, startMs + world.timers.leaseMs + 300);
  await world.remove('load');
}

/** With timers that leave enough time to start a process again. */
export const RESTARTS: readonly Fault[] = [
  {
    name: 'agent: kill -9, started again within the lease',
    play: (world) =>
      harmless(world, async (server) => {
        await world.cluster.stopAgent(server, 'SIGKILL');
        await world.startAgent(server);
      }),
  },
  { name: 'agent: upgrade (SIGTERM and start) under load', play: upgradeUnderLoad },
  {
    name: 'agent and keeper: SIGSTOP for less than the lease',
    play: async (world) => {
      await harmless(world, async (server) => {
        const pids = [world.agentPid(server), world.keeperPid(server)];
        for (const pid of pids) world.pause(pid);
        await sleep(SHORT_PAUSE_MS);
        for (const pid of pids) world.resume(pid);
      });
      world.report.skip('the same for longer than the lease: a frozen host is outside the promise');
    },
  },
  {
    name: 'controller: SIGSTOP for less than the lease',
    play: (world) =>
      harmless(world, async (server) => {
        const pid = world.cluster.controller?.pid ?? 0;
        world.pause(pid);
        await sleep(SHORT_PAUSE_MS);
        world.resume(pid);
        await world.there(server);
      }),
  },
  {
    name: 'controller: kill -9, started again within the tolerated outage',
    play: (world) =>
      harmless(world, async (server) => {
        await world.cluster.stopController('SIGKILL');
        await world.cluster.startController();
        await world.there(server);
      }),
  },
];

async function controllerOutage(
  world: FaultWorld,
  begin: () => Promise<void>,
  end: () => Promise<void>,
): Promise<void> {
  const { stage, witness, report, timers } = world;
  const before = await world.home();
  await stage.apply(witness.policy('held', { onDisconnect: OnDisconnect.HOLD }));
  const held = await world.home('held');
  const startMs = uptimeMs();
  await begin();
  // The end of the lease, told by the process itself.
  const life = await world.until('the STOP policy stops', () => {
    const found = world.lifeOf(before);
    return found?.saidStop === true ? found : undefined;
  });
  const lateMs = life.lastSignMs - startMs - timers.deadMs;
  report.check('STOP stops with its lease', lateMs <= world.lag.worstMs, `${lateMs} ms late`);
  await end();
  await world.home('steady', before.epoch);
  await world.livesOn(held, uptimeMs() + 200);
  await world.remove('held');
}

async function stayDead(world: FaultWorld): Promise<void> {
  const before = await world.home();
  await world.cluster.stopAgent(before.server, 'SIGKILL');
  await world.takenOver(before);
  await world.startAgent(before.server);
}

async function restartedAbove(world: FaultWorld, fault: (server: string) => Promise<void>): Promise<void> {
  const before = await world.home();
  await fault(before.server);
  await world.home(before.policy, before.epoch);
}

export const CRASHES: readonly Fault[] = [
  { name: 'agent: kill -9, stays away', play: stayDead },
  {
    name: 'agent: SIGSTOP for longer than the takeover wait',
    play: async (world) => {
      const before = await world.home();
      const pid = world.agentPid(before.server);
      world.pause(pid);
      const after = await world.takenOver(before);
      world.resume(pid);
      await world.calm();
      await world.livesOn(after, uptimeMs() + 500);
    },
  },
  {
    name: 'keeper: kill -9',
    play: (world) =>
      restartedAbove(world, async (server) => {
        killProcess(world.keeperPid(server));
      }),
  },
  {
    name: 'keeper: SIGSTOP, silent',
    play: (world) =>
      restartedAbove(world, async (server) => {
        world.pause(world.keeperPid(server));
      }),
  },
  {
    name: 'agent and keeper: kill -9, agent started again',
    play: (world) =>
      restartedAbove(world, async (server) => {
        const keeper = world.keeperPid(server);
        world.cluster.agent(server)?.signal('SIGKILL');
        killProcess(keeper);
        await world.cluster.agent(server)?.exited;
        await world.startAgent(server);
      }),
  },
  {
    name: 'controller: kill -9, away for longer than the lease',
    play: (world) =>
      controllerOutage(
        world,
        () => world.cluster.stopController('SIGKILL'),
        () => world.cluster.startController(),
      ),
  },
  {
    name: 'controller: SIGSTOP for longer than the lease',
    play: (world) => {
      const pid = world.cluster.controller?.pid ?? 0;
      return controllerOutage(
        world,
        async () => world.pause(pid),
        async () => world.resume(pid),
      );
    },
  },
];

export const hosts = (first: string): string[] =>
  [first, ...SERVERS.filter((server) => server !== first)].map((server) => `servers/${server}`);
