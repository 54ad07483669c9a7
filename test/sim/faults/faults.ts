/** Faults at random: each kind of the plan strikes again and again, until the world heals. */
import type { Prng } from '../../../shared/prng.ts';
import { FAULT_KINDS, type FaultKind } from '../fault-kinds.ts';
import type { Intentions } from '../intentions.ts';
import type { World } from '../world.ts';
import { controllerFaults } from './controller-faults.ts';
import { diskFaults } from './disk-faults.ts';
import { hostFaults } from './host-faults.ts';
import { networkFaults } from './network-faults.ts';
import { storeFaults } from './store-faults.ts';
import type { Strike, StrikeTable } from './strike.ts';

export class Faults {
  readonly #world: World;
  readonly #table: StrikeTable;

  constructor(world: World, intentions: Intentions) {
    this.#world = world;
    this.#table = { ...hostFaults, ...diskFaults, ...controllerFaults, ...networkFaults, ...storeFaults(intentions) };
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
