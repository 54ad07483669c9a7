/** A host with its agent and keeper, and what faults do to them. */
import type { Capability } from '../../agent/core/message.ts';
import { type PoolId, type ServerId, serverId } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import { AgentNode } from './agent.ts';
import { SimClock, someRate } from './clock.ts';
import { Host, newStateDirectory, type StateDirectory } from './host.ts';
import { KeeperNode } from './keeper.ts';
import { Tree, type TreeFacts } from './tree.ts';
import type { World } from './world.ts';

export class Site {
  readonly host: Host;
  readonly agent: AgentNode;
  readonly keeper: KeeperNode;
  /** Programs can't be started here before this time. */
  refusesUntil = 0;
  /** Nor as long as this is so. */
  refuses = false;
  /** It was made for a while and never comes back. */
  readonly isClone: boolean;
  isRetired = false;

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
    const random = world.random.hosts.fork();
    const { name, server, pool } = options;
    const clock = new SimClock({
      rate: someRate(random, world.plan, 'slow'),
      startMono: random.float() * 1e6,
      wallErrorMs: (random.float() - 0.5) * 2_000,
    });
    const directory = options.directory ?? newStateDirectory(`${name}-dir-1`);
    this.host = new Host({ name, server, pool, clock, watch: world.trees, directory });
    this.isClone = options.isClone ?? false;
    const maxSlots = random.chance(0.3) ? random.int(2, 6) : undefined;
    const surroundings = { queue: world.queue, clock, random };
    this.keeper = new KeeperNode(surroundings, {
      host: this.host,
      random,
      startTree: (facts) => this.#startTree(world, facts, random),
      spawnProblem: () =>
        this.refuses || world.queue.now < this.refusesUntil
          ? { reason: 'SPAWN_FAILED', detail: 'the simulator says no' }
          : undefined,
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
        obeyed: (agent, term, message, effects) => world.obedience.obeyed(agent, term, message, effects),
        failed: world.failed,
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

  startAgent(): void {
    this.host.whenRunning(() => {
      if (!this.isRetired) this.agent.start();
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
  powerOff(now: number): void {
    this.agent.losePower();
    this.keeper.die();
    this.host.boot(now);
  }
}

export const serverName = (index: number): ServerId => serverId(`s${index + 1}`);

function capabilitiesOf(random: Prng): readonly Capability[] {
  const capabilities: Capability[] = [{ name: 'os', value: 'linux', source: 'FINGERPRINT' }];
  if (random.chance(0.7)) capabilities.push({ name: 'db', value: `${random.int(1, 3)}.0`, source: 'PROBE' });
  return capabilities;
}
