/** An operator changes the authority (ADR 0034): begin, switch, finish, each when it is let; now and then he gives it up, or leaves servers behind. */
import type { Call } from '../../../controller/core/cluster/event.ts';
import type {
  AuthorityRoot,
  AuthorityStep,
  ControllerCertificate,
} from '../../../controller/core/records/authority.ts';
import type { Prng } from '../../../shared/prng.ts';
import { DAY, SECOND } from '../../../shared/time.ts';
import { trueWall } from '../clock.ts';
import type { World } from '../world.ts';
import type { Certificates } from './certificates.ts';

const STEP_EVERY_MS = 15 * SECOND;
/** He looks what is in the way, and waits for it, so often; then he goes on by force, or gives it up for today. */
const PATIENCE = 8;

export class Rotation {
  /** Servers may have been left behind, on purpose. */
  leavesBehind = false;
  readonly #world: World;
  readonly #certificates: Certificates;
  #isUnderWay = false;

  constructor(world: World, certificates: Certificates) {
    this.#world = world;
    this.#certificates = certificates;
  }

  begin(random: Prng): void {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    const isGivenUp = random.chance(0.2);
    const force = random.chance(0.15);
    this.#step(isGivenUp ? ['BEGIN', 'ABORT'] : ['BEGIN', 'SWITCH', 'FINISH'], { force, random, tries: 0 });
  }

  #step(
    steps: readonly AuthorityStep[],
    how: { readonly force: boolean; readonly random: Prng; readonly tries: number },
  ): void {
    const { operators, queue, say } = this.#world;
    const [step, ...later] = steps;
    if (step === undefined) {
      this.#isUnderWay = false;
      return;
    }
    const { force, random, tries } = how;
    const request = this.#request(step, force && tries >= PATIENCE);
    if (request.force) this.leavesBehind = true;
    operators.call(request, (result) => {
      // One that was under way when an older state came back goes on from where that is.
      const isDone = result.ok || result.error.reason === 'AUTHORITY_WRONG_PHASE';
      if (!isDone && tries < 2 * PATIENCE) say('operator', () => `waits with ${step}: ${result.error.message}`);
      const next = isDone ? later : steps;
      queue.after(random.float() * STEP_EVERY_MS, () => this.#step(next, { ...how, tries: isDone ? 0 : tries + 1 }));
    });
  }

  #request(step: AuthorityStep, force: boolean): Extract<Call, { kind: 'rotate_authority' }> {
    const { pki, firstRoot } = this.#certificates;
    const next = step === 'BEGIN' ? { next: rootOf(pki.newRoot()) } : {};
    return {
      ...{ kind: 'rotate_authority', step, force, present: rootOf(firstRoot), endorsements: '' },
      ...{ controllers: this.#words(), ...next },
    };
  }

  /** What those that live say of themselves. */
  #words(): readonly ControllerCertificate[] {
    return this.#world.controllers.flatMap(({ endpoint: id, alive, door }) => {
      if (!alive || door === undefined) return [];
      const { trusted, signing } = door.roots;
      return [{ id, trusts: trusted, issuer: signing, signs: trusted, opens: [] }];
    });
  }
}

const rootOf = (hash: string): AuthorityRoot => ({ hash, certPem: hash, expireWall: trueWall(3_650 * DAY) });
