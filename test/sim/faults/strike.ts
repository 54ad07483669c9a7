/** What a fault is made of. */
import type { Prng } from '../../../shared/prng.ts';
import type { FaultKind } from '../fault-kinds.ts';
import type { Site } from '../site.ts';
import type { World } from '../world.ts';

/** Does something bad once; it sees to it that this ends. */
export type Strike = (world: World, random: Prng) => void;

export type StrikeTable = Readonly<Partial<Record<FaultKind, Strike>>>;

/** A time between the two: as often short as long, or, as often, near the long end, where leases and waits run out. */
export const someMs = (random: Prng, lowMs: number, highMs: number): number =>
  random.chance(0.5) ? lowMs * (highMs / lowMs) ** random.float() : lowMs + (highMs - lowMs) * random.float();

/** A site that a fault strikes: as a rule one where something runs. */
export function someSite(world: World, random: Prng, sites: readonly Site[] = world.sites): Site | undefined {
  const busy = sites.filter(({ host }) => host.trees.size > 0);
  return random.pick(busy.length > 0 && random.chance(0.85) ? busy : sites);
}

/** One whose processes have no fault, and are not getting over one. `agent`: whether its agent runs. */
export function soundSite(world: World, random: Prng, { agent }: { readonly agent: boolean }): Site | undefined {
  const sound = world.sites.filter(
    (site) =>
      site.host.faultyUntil < world.queue.now && site.host.clock.state === 'running' && site.agent.isRunning === agent,
  );
  return someSite(world, random, sound);
}

/** Notes a fault of agent or keeper that lasts so long. */
export function engage(world: World, { host }: Site, ms: number): void {
  host.engage(world.queue.now + ms);
}
