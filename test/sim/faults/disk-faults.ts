/**
 * Faults of what a host rests on: the disk under its state directory, the hands of its keeper, and memory for both of its processes.
 * A sick disk is no fault of agent or keeper: it lasts while one of them has one, and may come at any time.
 */
import type { Prng } from '../../../shared/prng.ts';
import { SECOND } from '../../../shared/time.ts';
import type { DiskState } from '../disk.ts';
import type { Site } from '../site.ts';
import type { World } from '../world.ts';
import { engage, type Strike, type StrikeTable, someMs, someSite, soundSite } from './strike.ts';

/** Both processes are back by then, as the service manager promises, or nothing is promised about what they left. */
const BACK_MS = 10 * SECOND;

const disk =
  (state: DiskState): Strike =>
  (world: World, random: Prng) => {
    const sound = world.sites.filter(
      ({ host, agent, keeper }) => host.disk.state === 'sound' && (agent.alive || keeper.alive),
    );
    const site = someSite(world, random, sound);
    if (site === undefined) return;
    const ms = someMs(random, 500, 150_000);
    world.say(site.name, () => `its disk is ${state} for ${Math.round(ms)} ms`);
    site.host.disk.become(state);
    world.during(ms, () => site.host.disk.become('sound'));
  };

/** The next keeper may be held up as well before it kills what they left: together with `BACK_MS` far below every W. */
const STUCK_START_MS = 8 * SECOND;

/** What took the memory took the disk as well. */
function stall(world: World, site: Site, random: Prng): void {
  const ms = someMs(random, 10_000, 150_000);
  world.say(site.name, () => `its disk is stalled for ${Math.round(ms)} ms`);
  site.host.disk.become('stalled');
  world.during(ms, () => site.host.disk.become('sound'));
}

export const diskFaults: StrikeTable = {
  'disk-slow': disk('slow'),
  'disk-stalled': disk('stalled'),
  'disk-full': disk('full'),
  'disk-read-only': disk('read-only'),
  'disk-failing': disk('failing'),
  /** The keeper answers whom it can and kills nobody. */
  'keeper-hands': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site?.keeper.isRunning !== true) return;
    const ms = someMs(random, 100, 120_000);
    engage(world, site, ms);
    world.say(site.keeper.name, () => `its hands are stuck for ${Math.round(ms)} ms`);
    site.keeper.handsStuck = true;
    world.during(ms, () => {
      site.keeper.handsStuck = false;
    });
  },
  /** The operating system kills both for want of memory; what they started lives on with nobody to stop it. */
  'both-crash': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    // Without the disk, what they left is found in cgroups only.
    const { disk: its, containment } = site.host;
    if (its.state !== 'sound' && containment !== 'CGROUP') return;
    const downMs = random.chance(0.8) ? someMs(random, 200, BACK_MS) : someMs(random, BACK_MS, 120_000);
    engage(world, site, downMs);
    world.say(site.name, () => `kills agent and keeper for ${Math.round(downMs)} ms`);
    if (containment === 'CGROUP' && its.state === 'sound' && random.chance(0.3)) stall(world, site, random);
    if (random.chance(0.3)) site.host.handsStuckUntil = world.queue.now + downMs + someMs(random, 500, STUCK_START_MS);
    site.outOfMemory();
    if (downMs > BACK_MS) for (const tree of site.host.trees) tree.outsideClaim = true;
    world.during(downMs, () => site.startAgent());
  },
};
