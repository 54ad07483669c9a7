/** A host with its agent and keeper, and what faults do to them. */
import { type Refusal, refuse } from '../../keeper/core/refusal.ts';
import { type PoolId, type ServerId, serverId } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import type { Capability } from '../../shared/protocol/capability.ts';
import { AgentNode } from './agent.ts';
import { SimClock, someRate } from './clock.ts';
import { SimDisk } from './disk.ts';
import type { EventQueue } from './event-queue.ts';
import { Host, newStateDirectory, type StateDirectory } from './host.ts';
import { KeeperNode } from './keeper.ts';
import { Tree, type TreeFacts } from './tree.ts';
import type { World } from './world.ts';

/** An agent that was here in this boot waits no longer for its disk. */
const DISK_LIMIT_MS = 2_000;

export class Site {
  readonly host: Host;
  readonly agent: AgentNode;
  readonly keeper: KeeperNode;
  /** Programs can't be started here before this time. */
  refusesUntil = 0;
  /** Nor as long as there is this. */
  refusal: Refusal | undefined;
  /** It was made for a while and never comes back. */
  readonly isClone: boolean;
  isRetired = false;
  readonly #queue: EventQueue;

  constructor(
    world: World,
    options: {
      readonly name: string;
      readonly server: ServerId;
      readonly pool: PoolId;
      readonly directory?: StateDirectory;
      readonly isClone?: boolean;
    },
  ) {
    this.#queue = world.queue;
    const random = world.random.hosts.fork();
    const { name, server, pool } = options;
    const clock = new SimClock({
      rate: someRate(random, world.plan, 'slow'),
      startMono: random.float() * 1e6,
      wallErrorMs: (random.float() - 0.5) * 2_000,
    });
    const directory = options.directory ?? newStateDirectory(`${name}-dir-1`);
    if (options.directory === undefined) directory.credentials = world.certificates?.first(server);
    const disk = new SimDisk(world.queue, random);
    const containment = random.chance(0.7) ? 'CGROUP' : 'PROCESS_GROUP';
    this.host = new Host({ name, server, pool, clock, disk, containment, watch: world.trees, directory });
    this.isClone = options.isClone ?? false;
    const maxSlots = random.chance(0.3) ? random.int(2, 6) : undefined;
    const surroundings = { queue: world.queue, clock, random };
    this.keeper = new KeeperNode(surroundings, {
      host: this.host,
      random,
      startTree: (facts) => this.#startTree(world, facts, random),
      spawnProblem: () =>
        this.refusal ??
        (world.queue.now < this.refusesUntil ? refuse('SPAWN_FAILED', 'the simulator says no') : undefined),
      failed: world.failed,
      say: world.say,
    });
    this.agent = new AgentNode(
      surroundings,
      {
        host: this.host,
        keeper: this.keeper,
        network: world.network,
        random,
        endpoints: random.shuffle(world.controllers.map(({ endpoint }) => endpoint)),
        controllerAt: (endpoint) => world.controllers.find((one) => one.endpoint === endpoint),
        signers: world.certificates?.trouble,
        obeyed: (agent, term, message, effects) => world.obedience.obeyed(agent, term, message, effects),
        failed: world.failed,
        failsChecks: (attempt) => world.failsChecks(attempt),
        during: (ms, undo) => world.during(ms, undo),
        say: world.say,
      },
      {
        capabilities: capabilitiesOf(random),
        capacity: { maxSlots, saturated: false, cpuPercent: 0, memoryPercent: 0 },
        maxSlots,
      },
    );
    this.host.residents.push(this.agent, this.keeper);
  }

  get name(): string {
    return this.host.name;
  }

  #startTree(world: World, facts: TreeFacts, random: Prng): Tree {
    const behaviour = world.behaviourOf(facts.policy);
    const tree = new Tree({ facts, host: this.host, queue: world.queue, random, behaviour });
    tree.outsideClaim = world.queue.now < this.host.outsideClaimUntil;
    this.host.trees.add(tree);
    world.trees.treeStarted(tree);
    return tree;
  }

  /** It kills what a dead keeper left before it asks the disk for anything (A7), and then does not wait for it for ever. */
  startAgent(): void {
    const { host, agent, keeper } = this;
    let isBegun = false;
    const begin = (): void => {
      if (!isBegun && !this.isRetired) host.whenRunning(() => agent.start());
      isBegun = true;
    };
    host.whenRunning(() => {
      if (!keeper.alive && !agent.alive && !this.isRetired) host.killLeftoverCgroups();
      const { bootId } = host;
      host.disk.read(begin);
      this.#queue.after(DISK_LIMIT_MS, () => {
        if (host.bootId === bootId && host.remembered !== undefined) begin();
      });
    });
  }

  /** The operating system kills agent and keeper at once, for want of memory. What they started lives on. */
  outOfMemory(): void {
    this.agent.die();
    this.keeper.die();
  }

  /** It is switched off for good. */
  retire(now: number): void {
    this.isRetired = true;
    this.powerOff(now);
  }

  /** The machine loses its power, or is booted: nothing of it is left but its disk. */
  powerOff(now: number, random?: Prng): void {
    this.agent.losePower();
    this.keeper.die();
    if (random !== undefined) this.host.directory.journal.losePower(random);
    this.host.boot(now);
  }
}

export const serverName = (index: number): ServerId => serverId(`s${index + 1}`);

function capabilitiesOf(random: Prng): readonly Capability[] {
  const capabilities: Capability[] = [{ name: 'os', value: 'linux', source: 'FINGERPRINT' }];
  if (random.chance(0.7)) capabilities.push({ name: 'db', value: `${random.int(1, 3)}.0`, source: 'PROBE' });
  return capabilities;
}
