/** What operators want: first the policies of the plan, then whatever comes to their mind, at last that everything may run again. */

import type { ClusterState } from '../../controller/core/cluster.ts';
import type { Call } from '../../controller/core/event.ts';
import type { PolicySpec, Server } from '../../controller/core/state.ts';
import { DEFAULT_POOL, type PolicyId, policyId } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { type PolicyPlan, TIMER_EDITS } from './plan.ts';
import type { World } from './world.ts';

/** A policy that runs nothing; its label counts acknowledged writes (I10). */
export const REGISTER = policyId('register');

export function specOf(plan: PolicyPlan): PolicySpec {
  return {
    pool: DEFAULT_POOL,
    workload: { kind: 'command', argv: ['work'], env: {}, workingDirectory: '', user: '' },
    trigger: { kind: plan.trigger },
    requirements: [],
    servers: [],
    listMode: 'ONLY',
    slots: 1,
    priority: 50,
    maxConcurrentRuns: plan.maxConcurrentRuns,
    onDisconnect: plan.onDisconnect,
    stopTimeoutMs: plan.stopTimeoutMs,
    restart: { attempts: 3, windowMs: 10 * MINUTE, delayMs: 1_000 },
    failback: undefined,
    onCapabilityLoss: 'MOVE',
    onRunMissing: 'NEXT',
    labels: {},
  };
}

export class Intentions {
  readonly #world: World;
  readonly #random: Prng;
  /** Newest value of the register that was asked for, and newest one that was acknowledged. */
  register = { asked: 0, acknowledged: 0 };
  #registerBusy = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.operators;
  }

  begin(): void {
    const { operators, plan, ledger, queue } = this.#world;
    const register: PolicyPlan = {
      ...{ name: REGISTER, onDisconnect: 'STOP', trigger: 'on_demand', maxConcurrentRuns: 1, stopTimeoutMs: undefined },
      behaviour: { deafShare: 0, termMs: 0, meanLifeMs: 1, failShare: 0 },
    };
    operators.call({ kind: 'create_policy', policy: REGISTER, spec: specOf(register) });
    operators.call({
      ...{ kind: 'update_pool', pool: DEFAULT_POOL, etag: '', timers: undefined, defaultFailback: undefined },
      defaultMaxSlots: plan.defaultMaxSlots,
    });
    for (const policy of plan.policies) {
      const id = policyId(policy.name);
      ledger.mostRuns.set(id, policy.maxConcurrentRuns);
      operators.call({ kind: 'create_policy', policy: id, spec: specOf(policy) }, () => {
        if (policy.trigger === 'on_demand') operators.call({ kind: 'start_policy', policy: id, arguments: [] });
      });
    }
    queue.after(10 * SECOND, () => this.#nextCall());
  }

  #nextCall(): void {
    const { plan, healed, queue } = this.#world;
    if (healed) return;
    this.#writeRegister();
    const state = this.#world.leader()?.reign.core.state;
    if (plan.callEveryMs > 0 && state !== undefined) this.#somethingOf(state);
    const meanMs = plan.callEveryMs > 0 ? plan.callEveryMs : 20 * SECOND;
    queue.after(-Math.log(1 - this.#random.float()) * meanMs, () => this.#nextCall());
  }

  /** A counter that only this operator writes: what was acknowledged must never be lost, nor anything come back. */
  #writeRegister(): void {
    if (this.#registerBusy) return;
    this.#registerBusy = true;
    this.register.asked += 1;
    const value = this.register.asked;
    const call: Call = {
      kind: 'update_policy',
      policy: REGISTER,
      etag: '',
      patch: { labels: { n: String(value) } },
      createAs: undefined,
    };
    this.#world.operators.call(call, (result) => {
      this.#registerBusy = false;
      if (result.ok) this.register.acknowledged = value;
    });
  }

  #somethingOf(state: ClusterState): void {
    const call = this.#think(state);
    if (call === undefined) return;
    const { operators, queue } = this.#world;
    // Some think long before they press the button: what they saw is old by then.
    if (call.kind === 'confirm_server_dead')
      queue.after(this.#random.float() * 40 * SECOND, () => operators.call(call));
    else operators.call(call);
  }

  #think(state: ClusterState): Call | undefined {
    const random = this.#random;
    const server = random.pick([...state.servers.values()]);
    const policy = random.pick(this.#world.plan.policies.map(({ name }) => policyId(name)));
    const run = random.pick([...state.runs.values()].filter(({ endWall }) => endWall === undefined));
    if (server === undefined || policy === undefined) return undefined;
    const apply = random.chance(0.5) ? 'MOVE_NOW' : 'NEW_ONLY';
    switch (random.int(0, 19)) {
      case 0:
        return {
          kind: 'set_order',
          pool: DEFAULT_POOL,
          servers: random.shuffle(state.pools.get(DEFAULT_POOL)?.order ?? []),
          etag: '',
          apply,
        };
      case 1:
        return {
          kind: 'move_server',
          server: server.id,
          to: { kind: random.pick(['primary', 'promote', 'demote']) ?? 'primary' },
          etag: '',
          apply,
        };
      case 2:
        return {
          kind: 'update_server',
          server: server.id,
          etag: '',
          maxSlots: { value: random.pick([undefined, 0, 1, 2, 5]) },
          labels: undefined,
        };
      case 3:
        return { kind: 'cordon_server', server: server.id };
      case 4:
        return { kind: 'uncordon_server', server: server.id };
      case 5:
        return { kind: 'drain_server', server: server.id, deadlineMs: random.pick([undefined, 5_000, 60_000]) };
      case 6:
        return {
          kind: 'update_pool',
          pool: DEFAULT_POOL,
          etag: '',
          timers: random.pick(TIMER_EDITS),
          defaultFailback: undefined,
          defaultMaxSlots: random.pick([undefined, 2, 50]),
        };
      case 7:
      case 8:
        return this.#edit(policy);
      case 9:
        return run === undefined
          ? undefined
          : { kind: 'move_run', run: run.id, server: random.chance(0.5) ? undefined : server.id };
      case 10:
        return run === undefined ? undefined : { kind: 'stop_run', run: run.id };
      case 11:
        return { kind: 'stop_policy', policy };
      case 12:
      case 13:
        return { kind: 'start_policy', policy, arguments: [] };
      case 14:
        return { kind: 'restart_policy', policy };
      case 15:
        return { kind: random.chance(0.5) ? 'pause_policy' : 'resume_policy', policy };
      case 16:
        return this.#recreate(policy);
      case 17:
        return confirmDead(state, random);
      case 18:
        return run === undefined
          ? undefined
          : { kind: 'release_run', run: run.id, abandonAttempt: random.chance(0.3), reason: 'the simulator says so' };
      default:
        return random.chance(0.5)
          ? { kind: 'proceed_takeovers', pool: DEFAULT_POOL }
          : { kind: 'delete_server', server: server.id, etag: '' };
    }
  }

  #edit(policy: PolicyId): Call {
    const random = this.#random;
    const { ledger, plan } = this.#world;
    const servers = random
      .shuffle(Array.from({ length: plan.servers }, (_, index) => index))
      .slice(0, random.int(1, 3));
    const order = [...(this.#world.leader()?.reign.core.state.pools.get(DEFAULT_POOL)?.order ?? [])];
    const list = servers.flatMap((index) => order[index] ?? []);
    const maxConcurrentRuns = random.int(1, 3);
    const patch = random.pick<Partial<PolicySpec>>([
      { onDisconnect: random.pick(['STOP', 'HOLD', 'OVERLAP']) ?? 'STOP' },
      { stopTimeoutMs: random.pick([1_000, 10_000, 30_000]) },
      { servers: list, listMode: random.chance(0.5) ? 'ONLY' : 'PREFER' },
      { servers: [] },
      { maxConcurrentRuns },
      { failback: random.pick(['NEVER', 'ON_NEXT_START', 'AUTO']) },
      { requirements: random.chance(0.5) ? [] : ['db >= 2.0'] },
      { priority: random.int(0, 100) },
      { onRunMissing: random.chance(0.5) ? 'NEXT' : 'IN_PLACE' },
    ]);
    if (patch?.maxConcurrentRuns !== undefined) {
      ledger.mostRuns.set(policy, Math.max(ledger.mostRuns.get(policy) ?? 1, maxConcurrentRuns));
    }
    return { kind: 'update_policy', policy, etag: '', patch: patch ?? {}, createAs: undefined };
  }

  /** Deletes a policy and creates it again under the same name, as soon as that is free. */
  #recreate(policy: PolicyId): undefined {
    const { operators, plan, queue } = this.#world;
    const planned = plan.policies.find(({ name }) => name === policy);
    operators.call({ kind: 'delete_policy', policy, etag: '' });
    if (planned === undefined) return undefined;
    const create = (): void => {
      operators.call({ kind: 'create_policy', policy, spec: specOf(planned) }, (result) => {
        if (!result.ok && result.error.reason === 'POLICY_DELETING') queue.after(3 * SECOND, create);
      });
    };
    queue.after(this.#random.float() * 10 * SECOND, create);
    return undefined;
  }

  /** Once faults are over: nothing that operators did is to stand in the way of a run. */
  tidyUp(): void {
    const { operators, plan, sites } = this.#world;
    this.#writeRegister();
    operators.call({
      kind: 'update_pool',
      pool: DEFAULT_POOL,
      etag: '',
      timers: undefined,
      defaultFailback: undefined,
      defaultMaxSlots: 50,
    });
    for (const id of new Set(sites.map(({ host }) => host.server))) {
      operators.call({ kind: 'uncordon_server', server: id });
      operators.call({
        kind: 'update_server',
        server: id,
        etag: '',
        maxSlots: { value: undefined },
        labels: undefined,
      });
    }
    for (const { name } of plan.policies) operators.call({ kind: 'resume_policy', policy: policyId(name) });
    operators.call({ kind: 'proceed_takeovers', pool: DEFAULT_POOL });
  }
}

/** What an operator was shown of a server, as of now. */
function confirmDead(state: ClusterState, random: Prng): Call | undefined {
  const missing = [...state.servers.values()].filter(({ liveness }) => liveness === 'MISSING');
  const server: Server | undefined = random.pick(missing);
  if (server === undefined) return undefined;
  const epochs = [...state.runs.values()].flatMap(({ attempts }) =>
    attempts
      .filter((attempt) => attempt.server === server.id && attempt.state !== 'ENDED')
      .map((attempt) => Number(attempt.epoch)),
  );
  const { uid, bootId } = server;
  return { kind: 'confirm_server_dead', server: server.id, uid, bootId, epochs, reason: 'the simulator says so' };
}
