/**
 * Faults of machines that run policies. The claim is about one fault of agent or keeper at a time (semantics 5), so a machine that has
 * one, or gets over one, is left alone; what lies outside the claim is marked so that it is not judged.
 */
import type { Prng } from '../../../shared/prng.ts';
import { SECOND } from '../../../shared/time.ts';
import { someRate } from '../clock.ts';
import { newStateDirectory } from '../host.ts';
import { Site } from '../site.ts';
import type { World } from '../world.ts';
import { cut } from './network-faults.ts';
import { engage, type StrikeTable, someMs, someSite, soundSite } from './strike.ts';

export const hostFaults: StrikeTable = {
  'agent-crash': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const downMs = someMs(random, 50, 90_000);
    engage(world, site, downMs);
    world.say(site.agent.name, () => `is killed for ${Math.round(downMs)} ms`);
    site.agent.die();
    world.during(downMs, () => site.startAgent());
  },
  'agent-upgrade': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const downMs = someMs(random, 200, 10_000);
    engage(world, site, downMs);
    site.agent.step({ kind: 'detach' });
    world.during(downMs, () => site.startAgent());
  },
  'agent-pause': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const ms = someMs(random, 100, 120_000);
    engage(world, site, ms);
    world.say(site.agent.name, () => `is paused for ${Math.round(ms)} ms`);
    world.during(ms, site.agent.pause());
  },
  /** With a start in its socket, which it reads when it goes on. */
  'agent-interrupt': (world, random) => {
    const site = random.pick(world.sites);
    if (site !== undefined) site.agent.interruptMs = someMs(random, 15_000, 120_000);
  },
  'keeper-crash': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    engage(world, site, 0);
    world.say(site.keeper.name, () => 'is killed');
    site.keeper.die();
  },
  'keeper-pause': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site?.keeper.isRunning !== true) return;
    const ms = someMs(random, 100, 120_000);
    engage(world, site, ms);
    world.say(site.keeper.name, () => `is paused for ${Math.round(ms)} ms`);
    world.during(ms, site.keeper.pause());
  },
  /** Too short to be a fault of its own: K covers it, whatever else happens. */
  'keeper-stall': (world, random) => {
    const site = someSite(world, random);
    if (site?.keeper.isRunning !== true || site.host.clock.state !== 'running') return;
    const ms = someMs(random, 20, 1_500);
    world.during(ms, site.keeper.pause());
  },
  /** Agent and keeper together, for less than K. */
  'host-pause': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const ms = someMs(random, 50, 2_500);
    engage(world, site, ms);
    for (const process of [site.agent, site.keeper]) if (process.isRunning) world.during(ms, process.pause());
  },
  'host-suspend': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const ms = someMs(random, 1_000, 120_000);
    engage(world, site, ms);
    world.say(site.name, () => `is suspended for ${Math.round(ms)} ms`);
    site.host.standStill(world.queue.now, 'suspended');
    world.during(ms, () => site.host.goOn(world.queue.now));
  },
  /** Outside the claim: no clock of the machine counts. The wall clock is set right a moment after it goes on. */
  'host-freeze': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const ms = someMs(random, 3_000, 90_000);
    const stepAfterMs = random.float() * SECOND;
    engage(world, site, ms + stepAfterMs);
    world.say(site.name, () => `is frozen for ${Math.round(ms)} ms`);
    site.host.standStill(world.queue.now, 'frozen');
    // It may find itself cut off when it goes on: then nobody but itself can stop what it has.
    if (random.chance(0.5)) {
      const links = world.controllers.map(({ endpoint }) => world.network.link(site.name, endpoint));
      cut(world, links, ['up', 'down'], ms + someMs(random, 5_000, 60_000));
    }
    const since = world.queue.now;
    site.host.outsideClaimUntil = Number.POSITIVE_INFINITY;
    world.during(ms, () => {
      site.host.outsideClaimUntil = world.queue.now + stepAfterMs + SECOND;
      site.host.goOn(world.queue.now);
      const wallStepMs = world.queue.now - since;
      world.queue.after(stepAfterMs, () => site.host.changeClock(world.queue.now, { wallStepMs }));
    });
  },
  'host-reboot': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const downMs = someMs(random, 3_000, 180_000);
    engage(world, site, downMs);
    world.say(site.name, () => `loses its power for ${Math.round(downMs)} ms`);
    powerOff(world, site, random);
    world.during(downMs, () => site.startAgent());
  },
  'host-leave': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const withinMs = someMs(random, 1_000, 30_000);
    const awayMs = withinMs + someMs(random, 3_000, 60_000);
    engage(world, site, awayMs);
    world.say(site.name, () => 'leaves');
    if (random.chance(0.5)) site.agent.step({ kind: 'leave', reason: 'LEAVE', withinMs });
    else site.keeper.take(() => site.keeper.leave(withinMs));
    const comesBack = (): void => {
      // All faults may be ended before it has left: whoever waits for it starts it when it has.
      if (site.agent.state?.leaving !== undefined) {
        world.queue.after(SECOND, comesBack);
        return;
      }
      // The keeper of a host that shuts down goes with it; without the disk, what it left is found in cgroups only.
      if (!site.agent.alive && (site.host.disk.state === 'sound' || site.host.containment === 'CGROUP')) {
        site.keeper.die();
      }
      site.startAgent();
    };
    world.during(awayMs, comesBack);
  },
  /** The machine is set up anew under its old name: another place. */
  'host-replace': (world, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const downMs = someMs(random, 3_000, 120_000);
    engage(world, site, downMs);
    world.say(site.name, () => 'is set up anew');
    powerOff(world, site, random);
    site.host.directory = newStateDirectory(`${site.name}-dir-${Math.round(world.queue.now)}`);
    world.during(downMs, () => site.startAgent());
  },
  clone: (world, random) => {
    const site = random.pick(world.sites.filter(({ isClone }) => !isClone));
    if (site === undefined || world.sites.some(({ isClone }) => isClone)) return;
    world.clones += 1;
    const name = `${site.name}x${world.clones}`;
    const { directory, server, pool } = site.host;
    // A copied disk brings the identity along; a second machine of the same name brings its own.
    const copied = random.chance(0.5)
      ? { ...directory, journal: directory.journal.copy() }
      : newStateDirectory(`${name}-dir-1`);
    const clone = new Site(world, { name, server, pool, directory: copied, isClone: true });
    world.sites.push(clone);
    world.say(name, () => `comes up as a second ${site.name} (${copied.instanceId})`);
    clone.startAgent();
    world.during(someMs(random, 10_000, 180_000), () => {
      clone.retire(world.queue.now);
      world.sites.splice(world.sites.indexOf(clone), 1);
    });
  },
  'wall-step': (world, random) => {
    const site = someSite(world, random);
    const wallStepMs = someMs(random, 500, 3_600_000) * (random.chance(0.5) ? 1 : -1);
    site?.host.changeClock(world.queue.now, { wallStepMs });
    // Certificates count it: nobody leaves it so.
    if (world.certificates !== undefined)
      world.during(someMs(world.certificates.random, 5_000, 120_000), () => site?.host.setWallRight(world.queue.now));
  },
  'clock-rate': (world, random) => {
    const site = someSite(world, random);
    site?.host.changeClock(world.queue.now, { rate: someRate(random, world.plan, 'slow') });
  },
  'stuck-tree': (world, random) => {
    const tree = random.pick([...world.trees.living]);
    if (tree !== undefined) tree.unkillableUntil = world.queue.now + someMs(random, 5_000, 120_000);
  },
  'refused-starts': (world, random) => {
    const site = someSite(world, random);
    if (site !== undefined) site.refusesUntil = world.queue.now + someMs(random, 1_000, 60_000);
  },
  /** Whoever leads repeats the starts that it sends for a while, as no leader of ours does: the agent must not run one twice (A3). */
  'start-repeated': (world, random) => {
    world.startsRepeatedUntil = world.queue.now + someMs(random, 5_000, 60_000);
  },
  'agent-facts': (world, random) => {
    const site = someSite(world, random);
    if (site === undefined) return;
    const { facts } = site.agent;
    if (random.chance(0.5)) {
      facts.capacity = { ...facts.capacity, saturated: random.chance(0.4) };
      site.agent.take(() => site.agent.step({ kind: 'capacity', capacity: facts.capacity }));
      return;
    }
    const db = random.chance(0.7) ? [{ name: 'db', value: `${random.int(1, 3)}.0`, source: 'PROBE' } as const] : [];
    facts.capabilities = [{ name: 'os', value: 'linux', source: 'FINGERPRINT' }, ...db];
    site.agent.take(() => site.agent.tellFacts());
  },
};

/** The other ends of its streams hear nothing of it; transports that ping find out. */
export function powerOff(world: World, site: Site, random: Prng): void {
  const streams = [...world.network.streams].filter((stream) => stream.agentOpen && stream.host === site.name);
  site.powerOff(world.queue.now, random);
  if (!world.plan.keepalive) return;
  for (const stream of streams) world.queue.after(10_000 + random.float() * 5_000, () => stream.endController());
}
