/** Faults of the network between hosts and controllers. */
import type { Prng } from '../../../shared/prng.ts';
import { SECOND } from '../../../shared/time.ts';
import type { Link, WayName } from '../network.ts';
import type { World } from '../world.ts';
import { type StrikeTable, someMs, someSite } from './strike.ts';

/** The links that a fault strikes: those of a host, those of a controller, or one. */
function someLinks(world: World, random: Prng): readonly Link[] {
  const { network, sites, controllers } = world;
  const site = someSite(world, random);
  const controller = random.pick(controllers);
  if (site === undefined || controller === undefined) return [];
  switch (random.int(0, 4)) {
    case 0:
      return [network.link(site.name, controller.endpoint)];
    case 1:
      return sites.map(({ name }) => network.link(name, controller.endpoint));
    default:
      return controllers.map(({ endpoint }) => network.link(site.name, endpoint));
  }
}

const namesOf = (links: readonly Link[]): string => links.map(({ host, endpoint }) => `${host}–${endpoint}`).join(', ');

/** A nuisance, about a lease, or longer than any wait. */
const someDelayMs = (random: Prng): number =>
  random.chance(0.5)
    ? someMs(random, 4 * SECOND, 25 * SECOND)
    : random.chance(0.5)
      ? someMs(random, 100, 4 * SECOND)
      : someMs(random, 25 * SECOND, 100 * SECOND);

/** Nothing gets through for a while. */
export function cut(world: World, links: readonly Link[], ways: readonly WayName[], ms: number): void {
  const { network } = world;
  for (const link of links) for (const way of ways) network.cut(link, way);
  world.say('network', () => `cut ${ways.join(' and ')} for ${Math.round(ms)} ms: ${namesOf(links)}`);
  world.during(ms, () => {
    for (const link of links) for (const way of ways) network.heal(link, way);
  });
}

export const networkFaults: StrikeTable = {
  'link-cut': (world, random) => cut(world, someLinks(world, random), ['up', 'down'], someMs(random, 300, 150_000)),
  'link-cut-one-way': (world, random) =>
    cut(world, someLinks(world, random), [random.chance(0.5) ? 'up' : 'down'], someMs(random, 300, 120_000)),
  /** One after the other is cut, and restored in another order. */
  'link-swizzle': (world, random) => {
    const links = world.sites.flatMap(({ name }) =>
      world.controllers.map(({ endpoint }) => world.network.link(name, endpoint)),
    );
    for (const link of random.shuffle(links)) {
      world.queue.after(random.float() * 20_000, () => {
        if (!world.healed) cut(world, [link], ['up', 'down'], someMs(random, 5_000, 60_000));
      });
    }
  },
  /** What was sent while it was slow may still be under way when new streams are fast again, or when nothing gets through any more. */
  'link-delay': (world, random) => {
    const { network } = world;
    const links = someLinks(world, random);
    const delayMs = someDelayMs(random);
    const ways: readonly WayName[] = random.pick([['up'], ['down'], ['down'], ['up', 'down']] as const) ?? ['up'];
    world.say('network', () => `${Math.round(delayMs)} ms slower ${ways.join(' and ')}: ${namesOf(links)}`);
    for (const link of links) for (const way of ways) network.slow(link, way, delayMs);
    world.during(someMs(random, 2_000, 90_000), () => {
      for (const link of links) for (const way of ways) network.slow(link, way, 0);
      if (world.healed) return;
      if (random.chance(0.3)) cut(world, links, ['up', 'down'], someMs(random, 20_000, 150_000));
      else if (random.chance(0.4)) {
        for (const stream of [...network.streams])
          if (links.includes(stream.link)) network.reset(stream, someMs(random, 1, 5_000));
      }
    });
  },
  /** The way to a host slows down, and then nothing gets through but what is under way: answers and commands that come late. */
  'link-fade': (world, random) => {
    const { network, controllers, queue } = world;
    const site = someSite(world, random);
    if (site === undefined) return;
    const links = controllers.map(({ endpoint }) => network.link(site.name, endpoint));
    const delayMs = someMs(random, 4_000, 19_000);
    world.say('network', () => `${Math.round(delayMs)} ms slower down, before a cut: ${namesOf(links)}`);
    for (const link of links) network.slow(link, 'down', delayMs);
    const fadeMs = someMs(random, 1_000, 20_000);
    queue.after(fadeMs, () => {
      if (!world.healed) cut(world, links, ['up', 'down'], someMs(random, 40_000, 120_000));
    });
    world.during(fadeMs + 1, () => {
      for (const link of links) network.slow(link, 'down', 0);
    });
  },
  'stream-reset': (world, random) => {
    const stream = random.pick([...world.network.streams]);
    if (stream !== undefined) world.network.reset(stream, someMs(random, 1, 60_000));
  },
  /** Connections come and go, while what was sent on the last one is still under way. */
  'stream-flap': (world, random) => {
    const { network, controllers, queue } = world;
    const site = someSite(world, random);
    if (site === undefined) return;
    const links = controllers.map(({ endpoint }) => network.link(site.name, endpoint));
    const flap = (left: number): void => {
      if (world.healed || left === 0) return;
      for (const link of links) network.slow(link, 'down', someMs(random, 500, 12_000));
      queue.after(someMs(random, 50, 4_000), () => {
        for (const link of links) network.slow(link, 'down', 0);
        for (const stream of [...network.streams])
          if (links.includes(stream.link)) network.reset(stream, someMs(random, 1, 2_000));
        queue.after(someMs(random, 200, 4_000), () => flap(left - 1));
      });
    };
    flap(random.int(2, 6));
  },
  /** For a while, connections hang when they are young: a Hello may come when its agent has long gone another way. */
  'stream-stall': (world, random) => {
    const { stall } = world.network;
    stall.share = 0.5;
    stall.longestMs = someMs(random, 5_000, 40_000);
    world.during(someMs(random, 5_000, 60_000), () => {
      stall.share = 0;
    });
  },
};
