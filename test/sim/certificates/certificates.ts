/** What a world with certificates has besides: an authority, doors of controllers, people who join hosts, and faults of all these. */
import { AUTHORITY_KEY, type AuthorityRecord } from '../../../controller/core/records/authority.ts';
import type { ServerId } from '../../../shared/ids.ts';
import type { Prng } from '../../../shared/prng.ts';
import { type Now, SECOND } from '../../../shared/time.ts';
import { trueWall } from '../clock.ts';
import type { ControllerNode } from '../controller.ts';
import type { World } from '../world.ts';
import { Callers } from './callers.ts';
import { Door } from './door.ts';
import type { SignerTrouble } from './holder.ts';
import { People } from './people.ts';
import { type Credentials, SimPki } from './pki.ts';
import type { CertificatePlan } from './plan.ts';
import { Recorder } from './recorder.ts';
import { RenewalWatch } from './renewal-watch.ts';
import { Rotation } from './rotation.ts';
import { certificateStrikes } from './strikes.ts';

const FOLLOW_MS = SECOND;

export class Certificates {
  readonly plan: CertificatePlan;
  readonly random: Prng;
  readonly pki = new SimPki();
  readonly clusterId: string;
  readonly people: People;
  /** As the files of the controllers have it. */
  readonly firstRoot: string;
  readonly rotation: Rotation;
  readonly trouble: SignerTrouble = { lost: 0 };
  readonly #world: World;
  readonly #watch: RenewalWatch;

  constructor(world: World, plan: CertificatePlan, random: Prng) {
    this.#world = world;
    this.plan = plan;
    this.random = random;
    this.clusterId = `cluster-${world.plan.seed}`;
    this.firstRoot = this.pki.newRoot();
    this.people = new People(world, this);
    this.rotation = new Rotation(world, this);
    this.#watch = new RenewalWatch(world, this);
  }

  newDoor(controller: ControllerNode): Door {
    const self = controller.endpoint;
    const clock = (): Now => controller.clockNow();
    const { pki, clusterId, firstRoot } = this;
    const record = (): AuthorityRecord | undefined => this.#recordFor(controller);
    const door = new Door({ pki, clusterId, self, clock, serverLifeMs: this.plan.lifeMs, firstRoot, record });
    door.recorder = new Recorder(this.#world, controller, door);
    door.recorder.begin();
    return door;
  }

  /** As the leader has it; others by their copies of the store (controller/access/authority-watch.ts is what ships). */
  #recordFor({ judging, path }: ControllerNode): AuthorityRecord | undefined {
    const { store } = this.#world;
    const record = judging === undefined && path.cuts === 0 ? store.read(AUTHORITY_KEY) : undefined;
    return judging?.state.authority ?? (record?.kind === 'authority' ? record : undefined);
  }

  /** As it was set up with, some time ago. */
  first(server: ServerId): Credentials {
    const { clusterId, plan, random } = this;
    const identity = { clusterId, kind: 'server', name: server } as const;
    const nowWall = trueWall(this.#world.queue.now) - random.float() * plan.lifeMs * 0.5;
    const certificate = this.pki.sign({ identity, issuer: this.firstRoot, nowWall, lifeMs: plan.lifeMs });
    return { certificate, trusts: [this.firstRoot] };
  }

  begin(): void {
    this.#follow();
    this.people.begin();
    new Callers(this.#world).begin();
    this.#watch.begin();
  }

  #follow(): void {
    const { queue, controllers } = this.#world;
    queue.after(FOLLOW_MS, () => {
      for (const controller of controllers) if (controller.isRunning) this.#followAt(controller);
      this.#follow();
    });
  }

  /** What a root let in that is trusted no more ends. */
  #followAt(controller: ControllerNode): void {
    const { door, conns } = controller;
    if (door === undefined) return;
    door.follow();
    const { trusted } = door.roots;
    for (const [conn, { stream }] of conns.whose(({ issuer }) => issuer !== undefined && !trusted.includes(issuer))) {
      stream.closeByController('the authority that stood for it is trusted no more');
      controller.streamClosed(conn);
    }
  }

  beginFaults(): void {
    for (const [kind, everyMs] of this.plan.faults) this.#strike(kind, everyMs, this.random.fork());
  }

  #strike(kind: keyof typeof certificateStrikes, everyMs: number, random: Prng): void {
    const world = this.#world;
    world.queue.after(-Math.log(1 - random.float()) * everyMs, () => {
      if (world.healed) return;
      world.say('fault', () => kind);
      certificateStrikes[kind](world, this, random);
      this.#strike(kind, everyMs, random);
    });
  }

  /** Everything can sign, and all clocks are set right: also those of machines that stand still for a moment more. */
  heal(): void {
    const { queue, controllers, sites } = this.#world;
    for (const { door } of controllers) if (door !== undefined) door.signs = true;
    this.trouble.lost = 0;
    const setRight = (): void => {
      for (const { host } of sites) host.setWallRight(queue.now);
    };
    setRight();
    queue.after(2 * SECOND, setRight);
  }
}
