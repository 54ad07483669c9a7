/**
 * One host that stays sick while all the others are well again: the runs must go on without it (I5), and none of them may be tried there
 * over and over. What ails it lasts until somebody cures it.
 */
import { refuse, refuseFor } from '../../keeper/core/refusal.ts';
import { HOST_PROBLEM_KINDS } from '../../shared/host-problem.ts';
import type { Prng } from '../../shared/prng.ts';
import { SECOND } from '../../shared/time.ts';
import type { Site } from './site.ts';
import type { World } from './world.ts';

export const SICKNESSES = [
  /** Nothing gets through to it or from it. */
  'cut-off',
  /** Nothing gets through for a while, again and again. */
  'flapping',
  /** Its agent dies soon after each start. */
  'agent-loop',
  /** Its keeper does. */
  'keeper-loop',
  /** Both die at once: the machine has too little memory. */
  'both-loop',
  /** No program can be started there. */
  'refusing',
  /** Each start breaks its agent's stream. */
  'choking',
  /** Its disk takes nothing more, hangs, or fails now and then. */
  'disk-full',
  'disk-stalled',
  'disk-failing',
] as const;

export type SicknessKind = (typeof SICKNESSES)[number];

export class Sickness {
  readonly site: Site;
  readonly kind: SicknessKind;
  readonly #world: World;
  readonly #random: Prng;
  #isOver = false;
  #isCut = false;

  constructor(world: World, site: Site, kind: SicknessKind) {
    this.#world = world;
    this.site = site;
    this.kind = kind;
    this.#random = world.random.faults.fork();
  }

  begin(): void {
    const { kind, site } = this;
    this.#world.say(site.name, () => `is sick from now on: ${kind}`);
    // It has its fault, and gets no other one at the same time.
    site.host.engage(Number.POSITIVE_INFINITY);
    switch (kind) {
      case 'cut-off':
        this.#cut();
        return;
      case 'flapping':
        this.#flap();
        return;
      case 'agent-loop':
        this.#loop(() => site.agent.die());
        return;
      case 'keeper-loop':
        this.#loop(() => site.keeper.die());
        return;
      case 'both-loop':
        this.#loop(() => site.outOfMemory());
        return;
      case 'refusing':
        this.#refuse();
        return;
      case 'choking':
        site.host.chokesOnStarts = true;
        return;
      case 'disk-full':
      case 'disk-stalled':
      case 'disk-failing':
        this.#spoilDisk();
    }
  }

  /** For a reason that its keeper sees beforehand, or for one that shows only when it tries. */
  #refuse(): void {
    const kind = this.#random.pick(HOST_PROBLEM_KINDS);
    const problem = kind && { kind, detail: 'it is sick' };
    this.site.refusal = problem && this.#random.chance(0.7) ? refuseFor(problem) : refuse('SPAWN_FAILED', 'it is sick');
    if (problem !== undefined && this.#random.chance(0.5)) this.site.host.ail(problem);
  }

  #spoilDisk(): void {
    const { kind, site } = this;
    if (kind === 'disk-full') site.host.disk.become('full');
    if (kind === 'disk-stalled') site.host.disk.become('stalled');
    if (kind === 'disk-failing') site.host.disk.become('failing');
  }

  /** To be called when everything else was healed: what was healed with it is as sick as before. */
  goOn(): void {
    if (this.#isCut) this.#cut();
    this.#spoilDisk();
  }

  end(): void {
    this.#isOver = true;
    this.site.refusal = undefined;
    this.site.host.ail(undefined);
    this.site.host.chokesOnStarts = false;
    this.site.host.disk.become('sound');
    this.site.startAgent();
    if (this.#isCut) this.#mend();
    this.site.host.engage(this.#world.queue.now);
  }

  #cut(): void {
    this.#isCut = true;
    for (const link of this.#links()) for (const way of ['up', 'down'] as const) this.#world.network.cut(link, way);
  }

  #mend(): void {
    this.#isCut = false;
    for (const link of this.#links()) for (const way of ['up', 'down'] as const) this.#world.network.heal(link, way);
  }

  #links() {
    const { controllers, network } = this.#world;
    return controllers.map(({ endpoint }) => network.link(this.site.name, endpoint));
  }

  #flap(): void {
    this.#cut();
    this.#later(this.#random.float() * 100 * SECOND, () => {
      this.#mend();
      this.#later(this.#random.float() * 40 * SECOND, () => this.#flap());
    });
  }

  /** It is up for a moment, or for long enough to be trusted with something. */
  #loop(die: () => void): void {
    const upMs = this.#random.chance(0.5) ? this.#random.float() * 3 * SECOND : this.#random.float() * 30 * SECOND;
    die();
    this.#later(1 * SECOND, () => this.site.startAgent());
    this.#later(1 * SECOND + upMs, () => this.#loop(die));
  }

  #later(ms: number, act: () => void): void {
    this.#world.queue.after(ms, () => {
      if (!this.#isOver) act();
    });
  }
}
