/** Random lives of a small cluster, and what is wrong with them as seen from outside. */

import fc from 'fast-check';
import type { Call } from '../../../../controller/core/cluster/event.ts';
import { isEnded } from '../../../../controller/core/records/run-state.ts';
import type { Policy, Run } from '../../../../controller/core/records/state.ts';
import { type PolicyId, policyId, type RunId, type ServerId } from '../../../../shared/ids.ts';
import type { Prng } from '../../../../shared/prng.ts';
import type { OnDisconnect } from '../../../../shared/protocol/attempt.ts';
import { MINUTE, SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import type { ModelAgent } from './model-agent.ts';
import { isAlive, type ModelAttempt } from './model-attempt.ts';
import { ModelWorld } from './model-world.ts';

const SERVERS = ['s-1', 's-2', 's-3'];
const POLICIES: Readonly<Record<string, string>> = {
  stop: 'continuous G=3s',
  long: 'continuous G=30s list=s-2,s-1 mode=PREFER runs=2',
  hold: 'continuous disconnect=HOLD',
  over: 'continuous disconnect=OVERLAP failback=AUTO',
};

const FAULTS = ['cut', 'heal', 'close', 'silence', 'power-off', 'boot', 'crash', 'refuse', 'accept', 'exit'] as const;
const CALLS = [
  'stop',
  'start',
  'restart',
  'move',
  'primary',
  'drain',
  'uncordon',
  'edit',
  'recreate',
  'stop-run',
] as const;

export interface LifeStep {
  readonly waitMs: number;
  readonly act: (typeof FAULTS)[number] | (typeof CALLS)[number];
  /** Chooses the server and the policy. */
  readonly pick: number;
}

export const lifeSteps: fc.Arbitrary<readonly LifeStep[]> = fc.array(
  fc.record({
    waitMs: fc.oneof(fc.nat(1_000), fc.nat(60_000)),
    act: fc.constantFrom(...FAULTS, ...CALLS),
    pick: fc.nat(1_000),
  }),
  { maxLength: 40 },
);

export interface Life {
  /** I1 and I2, seen from the hosts. */
  readonly violations: readonly string[];
  /** Runs that do not run long after the last fault (I5). */
  readonly unplaced: readonly string[];
}

export function playLife(steps: readonly LifeStep[], random: Prng): Life {
  const stage = new LifeStage(random);
  for (const step of steps) {
    stage.pass(step.waitMs);
    stage.act(step);
  }
  return stage.end();
}

class LifeStage {
  readonly #world: ModelWorld;
  readonly #random: Prng;
  readonly #off = new Set<ModelAgent>();
  readonly #violations: string[] = [];
  readonly #highest = new Map<string, number>();
  #boots = 1;

  constructor(random: Prng) {
    this.#random = random;
    this.#world = new ModelWorld({ latencyMs: () => this.#latencyMs() });
    this.#world.elect();
    for (const name of SERVERS) {
      const agent = this.#world.agent(name);
      agent.onStart = (attempt) => this.#checkStart(attempt);
      // Half of all processes take their time to die; G cuts it short.
      agent.dieMs = () => (this.#random.float() < 0.5 ? 0 : this.#random.int(0, 40 * SECOND));
      this.#dial(agent);
    }
    this.pass(10 * SECOND);
    for (const name of Object.keys(POLICIES)) this.#call(create(name));
    this.pass(10 * SECOND);
  }

  pass(ms: number): void {
    this.#world.advanceTo(this.#world.now.mono + ms);
  }

  act({ act, pick }: LifeStep): void {
    const agent = this.#world.agent(SERVERS[pick % SERVERS.length] ?? '');
    switch (act) {
      case 'cut':
        this.#world.cut.add(agent);
        return;
      case 'heal':
        this.#heal(agent);
        return;
      case 'close':
        agent.hangUp();
        return;
      case 'silence':
        agent.beats = !agent.beats;
        return;
      case 'power-off':
        this.#off.add(agent);
        this.#world.cut.add(agent);
        agent.powerOff();
        return;
      case 'boot':
        this.#boot(agent);
        return;
      case 'crash':
        this.#crash();
        return;
      case 'refuse':
        agent.startAnswer = { kind: 'refused', outcome: 'REFUSED', reason: 'RESOURCE_EXHAUSTED' };
        return;
      case 'accept':
        agent.startAnswer = { kind: 'applied' };
        return;
      case 'exit':
        this.#exitOne(agent, pick);
        return;
      case 'stop':
      case 'start':
      case 'restart':
      case 'move':
      case 'primary':
      case 'drain':
      case 'uncordon':
      case 'edit':
      case 'recreate':
      case 'stop-run':
        this.#operate(act, pick, agent.server);
    }
  }

  /** The faults end and a leader stays: long after that everything that is wanted runs. */
  end(): Life {
    const world = this.#world;
    if (!world.isLed) world.elect();
    for (const agent of world.agents.values()) {
      if (this.#off.has(agent)) this.#boot(agent);
      this.#heal(agent);
      agent.beats = true;
      agent.startAnswer = { kind: 'applied' };
      agent.dieMs = () => 0;
      this.#call({ kind: 'uncordon_server', server: agent.server });
    }
    for (const name of Object.keys(POLICIES)) this.#call({ kind: 'resume_policy', policy: policyId(name) });
    this.pass(15 * MINUTE);
    // A failback may be under way at that very moment: it has a minute to end.
    if (this.#allUnplaced().length > 0) this.pass(MINUTE);
    return { violations: this.#violations, unplaced: this.#allUnplaced() };
  }

  #allUnplaced(): readonly string[] {
    return [...this.#world.state.policies.values()].flatMap((policy) => this.#unplaced(policy));
  }

  #unplaced(policy: Policy): readonly string[] {
    const runs = [...openRuns(this.#world, policy)];
    const waiting = runs.filter((run) => run.state.kind !== 'RUNNING' && !needsAWord(run));
    const missing = runs.length === policy.spec.maxConcurrentRuns ? [] : [`${policy.id} has ${runs.length} runs`];
    return [
      ...missing,
      ...waiting.map((run) => `${run.id} is ${run.state.kind}: ${run.state.reason}, ${run.state.message}`),
    ];
  }

  #checkStart(attempt: ModelAttempt): void {
    const highest = this.#highest.get(attempt.run) ?? 0;
    if (attempt.epoch <= highest) this.#violations.push(`${attempt.run}: epoch ${attempt.epoch} after ${highest} (I2)`);
    this.#highest.set(attempt.run, attempt.epoch);
    for (const agent of this.#world.agents.values()) {
      for (const other of agent.attempts.values()) {
        if (other.run !== attempt.run || !isAlive(other)) continue;
        const both: readonly OnDisconnect[] = [other.terms.onDisconnect, attempt.terms.onDisconnect];
        if (both.every((mode) => mode === 'OVERLAP')) continue;
        this.#violations.push(
          `${attempt.run}: epoch ${attempt.epoch} started while ${other.epoch} lives on ${agent.server} (I1)`,
        );
      }
    }
  }

  /** An agent without a stream dials every two seconds or so. */
  #dial(agent: ModelAgent): void {
    const reachable = this.#world.isLed && !this.#world.cut.has(agent) && !this.#off.has(agent);
    if (reachable && agent.conn === undefined) agent.hello();
    this.#world.time.plan(this.#world.now.mono + this.#random.int(500, 2_000), () => this.#dial(agent));
  }

  #heal(agent: ModelAgent): void {
    if (this.#off.has(agent) || !this.#world.cut.delete(agent)) return;
    agent.hangUp();
  }

  #boot(agent: ModelAgent): void {
    if (!this.#off.delete(agent)) return;
    this.#boots += 1;
    agent.facts.bootId = `${agent.server}-b${this.#boots}`;
    agent.facts.bootMono = this.#world.now.mono;
    this.#world.cut.delete(agent);
  }

  #crash(): void {
    if (!this.#world.isLed) return;
    this.#world.crash();
    this.#world.time.plan(this.#world.now.mono + this.#random.int(0, 30 * SECOND), () => {
      if (!this.#world.isLed) this.#world.elect();
    });
  }

  #exitOne(agent: ModelAgent, pick: number): void {
    const alive = [...agent.attempts.values()].filter(isAlive);
    const one = alive[pick % Math.max(1, alive.length)];
    if (one !== undefined) agent.exit(one, pick % 2);
  }

  #operate(act: (typeof CALLS)[number], pick: number, server: ServerId): void {
    const names = Object.keys(POLICIES);
    const name = names[(pick >> 2) % names.length] ?? '';
    if (!this.#world.isLed) return;
    if (act === 'recreate') {
      this.#call({ kind: 'delete_policy', policy: policyId(name), etag: '' });
      this.#createLater(name);
      return;
    }
    const open = [...this.#world.state.runs.values()].filter((run) => !isEnded(run));
    const run = open[pick % Math.max(1, open.length)]?.id;
    if (run !== undefined) this.#call(callFor(act, { policy: policyId(name), server, run, pick }));
  }

  /** The name is reserved until everything is proven ended. */
  #createLater(name: string): void {
    this.#world.time.plan(this.#world.now.mono + 5 * SECOND, () => {
      if (this.#world.isLed && this.#world.state.policies.get(policyId(name))?.deleting === false) return;
      this.#call(create(name));
      this.#createLater(name);
    });
  }

  #call(request: Call): void {
    if (this.#world.isLed) this.#world.call(request);
  }

  /** Mostly short, sometimes long. */
  #latencyMs(): number {
    return this.#random.float() < 0.9 ? this.#random.int(0, 20) : this.#random.int(0, 3 * SECOND);
  }
}

interface Named {
  readonly policy: PolicyId;
  readonly server: ServerId;
  readonly run: RunId;
  readonly pick: number;
}

function callFor(act: Exclude<(typeof CALLS)[number], 'recreate'>, { policy, server, run, pick }: Named): Call {
  switch (act) {
    case 'stop':
      return { kind: 'stop_policy', policy };
    case 'start':
      return { kind: 'resume_policy', policy };
    case 'restart':
      return { kind: 'restart_policy', policy };
    case 'move':
      return { kind: 'move_run', run, server: undefined };
    case 'stop-run':
      return { kind: 'stop_run', run };
    case 'primary':
      return { kind: 'move_server', server, to: { kind: 'primary' }, etag: '', apply: 'MOVE_NOW' };
    case 'drain':
      return {
        kind: 'drain_server',
        server,
        deadlineMs: pick % 3 === 0 ? 30 * SECOND : undefined,
        letFinish: pick % 2 === 0,
      };
    case 'uncordon':
      return { kind: 'uncordon_server', server };
    case 'edit': {
      const patch = { stopTimeoutMs: (1 + (pick % 40)) * SECOND, priority: pick % 100 };
      return { kind: 'update_policy', policy, etag: '', patch, createAs: undefined };
    }
  }
}

const create = (name: string): Call => ({
  kind: 'create_policy',
  policy: policyId(name),
  spec: specOf(wordsOf(POLICIES[name] ?? '')),
});

function* openRuns(world: ModelWorld, policy: Policy): Iterable<Run> {
  for (const run of world.state.runs.values()) if (run.policy === policy.id && !isEnded(run)) yield run;
}

/** Nobody but an operator can say that it ended: HOLD on a host that was booted while no leader could see it. */
const needsAWord = (run: Run): boolean =>
  run.state.kind === 'FENCING' && (run.state.reason === 'HOLD' || run.state.reason === 'OVERLAP');
