/** Faults at random: each kind of the plan strikes again and again, until the world heals. */
import type { Prng } from '../../../shared/prng.ts';
import type { Intentions } from '../intentions.ts';
import { FAULT_KINDS, type FaultKind } from '../plan.ts';
import type { Site } from '../site.ts';
import type { World } from '../world.ts';
import { controllerFaults } from './controller-faults.ts';
import { hostFaults } from './host-faults.ts';
import { networkFaults } from './network-faults.ts';
import { storeFaults } from './store-faults.ts';

/** Does something bad once; it sees to it that this ends. */
export type Strike = (world: World, random: Prng) => void;

export type StrikeTable = Readonly<Partial<Record<FaultKind, Strike>>>;

export class Faults {
  readonly #world: World;
  readonly #table: StrikeTable;

  constructor(world: World, intentions: Intentions) {
    this.#world = world;
    this.#table = { ...hostFaults, ...controllerFaults, ...networkFaults, ...storeFaults(intentions) };
  }

  begin(): void {
    const { plan, random } = this.#world;
    for (const kind of FAULT_KINDS) {
      const everyMs = plan.faults.get(kind);
      const strike = this.#table[kind];
      if (everyMs !== undefined && strike !== undefined) this.#plan(kind, strike, everyMs, random.faults.fork());
    }
  }

  #plan(kind: FaultKind, strike: Strike, everyMs: number, random: Prng): void {
    const world = this.#world;
    world.queue.after(-Math.log(1 - random.float()) * everyMs, () => {
      if (world.healed) return;
      world.say('fault', () => kind);
      strike(world, random);
      this.#plan(kind, strike, everyMs, random);
    });
  }
}

/** A time between the two: as often short as long, or, as often, near the long end, where leases and waits run out. */
export const someMs = (random: Prng, lowMs: number, highMs: number): number =>
  random.chance(0.5) ? lowMs * (highMs / lowMs) ** random.float() : lowMs + (highMs - lowMs) * random.float();

/** A site that a fault strikes: as a rule one where something runs. */
export function someSite(world: World, random: Prng, sites: readonly Site[] = world.sites): Site | undefined {
  const busy = sites.filter(({ host }) => host.trees.size > 0);
  return random.pick(busy.length > 0 && random.chance(0.85) ? busy : sites);
}
