/** Links that are cut, one way or both, late, half open or reset; and what a host does that is cut off. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesOf } from '../../cli/dev/host-processes.ts';
import { ListMode, OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { type FaultWorld, type Home, stateWord } from './fault-world.ts';
import { ESCAPEE, FORK_BOMB, IGNORER, uptimeMs } from './life-witness.ts';
import { type Fault, hosts } from './process-faults.ts';

/** Less than the lease of the shortest timers by more than a heartbeat and a reconnect. */
const SHORT_CUT_MS = 600;
const DELAY_MS = 150;
const RESETS = 4;
const BOMB_PROCESSES = 60;
/** They are polled. */
const LOOK_MS = 50;

async function shortTrouble(world: FaultWorld, trouble: (server: string) => Promise<void>): Promise<void> {
  const before = await world.home();
  const startMs = uptimeMs();
  await trouble(before.server);
  const { connected } = (await world.stage.server(before.server)) ?? {};
  const tookMs = uptimeMs() - startMs;
  if (tookMs > world.timers.toleratedMs - world.lag.worstMs) {
    world.report.skip(`the trouble lasted ${tookMs} ms on this machine (connected: ${connected})`);
    await world.home();
    return;
  }
  await world.livesOn(before, startMs + world.timers.leaseMs + 300);
}

async function silence(
  world: FaultWorld,
  begin: (server: string) => void,
  end: (server: string) => void,
): Promise<void> {
  const before = await world.home();
  begin(before.server);
  const after = await world.takenOver(before);
  end(before.server);
  await world.calm();
  await world.livesOn(after, uptimeMs() + 500);
}

/** Living processes of a run, wherever they went: by the environment that the keeper gave them. */
function processesOfRun(world: FaultWorld, { run, server }: Home): number {
  return processesOf(world.cluster.stateDir(server)).filter(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`LOCUM_RUN=${run}`);
    } catch {
      return false;
    }
  }).length;
}

const isGone = (world: FaultWorld, home: Home): boolean =>
  processesOfRun(world, home) === 0 && (world.lifeOf(home)?.lastSignMs ?? 0) < uptimeMs() - 400;

async function diesInTime(world: FaultWorld, homes: readonly Home[], cutMs: number): Promise<void> {
  const lastSeen = new Map<string, number>();
  await world.until('every process of the lapsed trees is dead', async () => {
    for (const home of homes) if (processesOfRun(world, home) > 0) lastSeen.set(home.policy, uptimeMs());
    await sleep(LOOK_MS);
    return homes.every((home) => isGone(world, home)) ? true : undefined;
  });
  for (const home of homes) {
    const seenMs = Math.max(lastSeen.get(home.policy) ?? 0, world.lifeOf(home)?.lastSignMs ?? 0);
    const lateMs = seenMs - cutMs - world.timers.deadMs;
    world.report.check(`${home.policy} is dead by D + G + K`, lateMs <= world.lag.worstMs, `${lateMs} ms late`);
  }
}

/** A host is cut off with every kind of policy on it, and with trees that do not want to die. */
async function cutOffHost(world: FaultWorld): Promise<void> {
  const { stage, witness, report, network, timers } = world;
  const before = await world.home();
  const servers = hosts(before.server);
  const here = { servers: servers.slice(0, 1), listMode: ListMode.ONLY };
  await stage.apply(witness.policy('held', { servers, onDisconnect: OnDisconnect.HOLD }));
  await stage.apply(witness.policy('twin', { servers, onDisconnect: OnDisconnect.OVERLAP }));
  await stage.apply(witness.policy('ignorer', here, IGNORER));
  await stage.apply(witness.policy('escapee', here, ESCAPEE));
  await stage.apply(witness.policy('bomb', here, FORK_BOMB));
  const [held, twin] = [await world.home('held'), await world.home('twin')];
  const trees = [await world.home('ignorer'), await world.home('escapee'), await world.home('bomb')];
  await world.until('the fork bomb is complete', () =>
    trees.some((tree) => processesOfRun(world, tree) >= BOMB_PROCESSES) ? true : undefined,
  );
  const cutMs = uptimeMs();
  network.cut(before.server);
  await diesInTime(world, trees, cutMs);
  await world.takenOver(before);

  const younger = await world.home('twin', twin.epoch);
  const olderLife = world.lifeOf(twin);
  const youngerLife = world.lifeOf(younger);
  report.check(
    'OVERLAP: the older goes on',
    olderLife?.saidStop === false && olderLife.lastSignMs > cutMs + timers.deadMs,
  );
  report.check('OVERLAP: a second one elsewhere', younger.server !== twin.server, younger.server);
  const gapMs = (youngerLife?.startMs ?? 0) - cutMs;
  // The last heartbeat left at most one interval and what the machine was late before the cut.
  const earliestMs = timers.missingMs - (timers.leaseMs - timers.toleratedMs) - world.lag.worstMs;
  report.check('OVERLAP: not before missing_after', gapMs >= earliestMs, `${gapMs} ms after the cut`);
  const [cutOff] = await stage.runsOf('held');
  report.check(
    'HOLD: waits for its host',
    cutOff?.state === RunState.FENCING,
    stateWord(cutOff?.state ?? RunState.UNSPECIFIED),
  );
  report.check('HOLD: no second attempt', cutOff?.attempts.at(-1)?.epoch === held.epoch);
  // These would only be started again on their host.
  for (const { policy } of trees) await world.remove(policy);

  network.heal(before.server);
  await world.calm();
  await world.until('OVERLAP: the older is stopped on return', () => (world.lifeOf(twin)?.saidStop ? true : undefined));
  await world.livesOn(younger, uptimeMs() + 200);
  await world.livesOn(held, uptimeMs() + 200);
  for (const policy of ['held', 'twin']) await world.remove(policy);
}

/** Heartbeats arrive, grants do not: the lease ends by the agent's own clock, though the controller sees no silence. */
async function grantsLost(world: FaultWorld): Promise<void> {
  const before = await world.home();
  const startMs = uptimeMs();
  world.proxy.set(world.addressOf(before.server), { holdToAgent: true });
  const life = await world.until('the policy stops', () =>
    world.lifeOf(before)?.saidStop ? world.lifeOf(before) : undefined,
  );
  const lateMs = (life?.lastSignMs ?? 0) - startMs - world.timers.deadMs;
  world.report.check('stops with its lease', lateMs <= world.lag.worstMs, `${lateMs} ms late`);
  world.proxy.heal(world.addressOf(before.server));
  await world.calm();
  await world.home(before.policy, before.epoch);
}

export const TROUBLES: readonly Fault[] = [
  {
    name: 'network: cut for less than the lease',
    play: (world) =>
      shortTrouble(world, async (server) => {
        world.network.cut(server);
        await sleep(SHORT_CUT_MS);
        world.network.heal(server);
      }),
  },
  {
    name: 'proxy: every chunk delayed',
    play: async (world) => {
      const before = await world.home();
      world.proxy.set(world.addressOf(before.server), { delayMs: DELAY_MS });
      await world.livesOn(before, uptimeMs() + world.timers.leaseMs + 500);
      world.proxy.heal(world.addressOf(before.server));
    },
  },
  {
    name: 'proxy: connections reset again and again',
    play: async (world) => {
      const before = await world.home();
      for (let i = 0; i < RESETS; i += 1) {
        await world.until('a connection to reset', () =>
          world.proxy.reset(world.addressOf(before.server)) > 0 ? true : undefined,
        );
        await world.calm();
      }
      await world.livesOn(before, uptimeMs() + world.timers.leaseMs);
    },
  },
  { name: 'proxy: nothing reaches the agent, for longer than the lease', play: grantsLost },
  {
    name: 'network: nothing reaches the controller, for longer than the takeover wait',
    play: (world) =>
      silence(
        world,
        (server) => world.network.cutFromHost(server),
        (server) => world.network.heal(server),
      ),
  },
  {
    name: 'proxy: half-open for longer than the takeover wait',
    play: (world) =>
      silence(
        world,
        (server) => world.proxy.set(world.addressOf(server), { holdToAgent: true, holdToController: true }),
        (server) => world.proxy.heal(world.addressOf(server)),
      ),
  },
  { name: 'network: host cut off with STOP, HOLD, OVERLAP and trees that do not want to die', play: cutOffHost },
];
