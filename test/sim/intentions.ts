/** What operators want: first the policies of the plan, then whatever comes to their mind, at last that everything may run again. */

import type { ClusterState } from '../../controller/core/cluster/cluster.ts';
import type { Call } from '../../controller/core/cluster/event.ts';
import type { PolicyHealthCheck, PolicySpec } from '../../controller/core/records/state.ts';
import { DEFAULT_POOL, type PolicyId, type PoolId, policyId } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { Ideas } from './ideas.ts';
import type { PolicyPlan } from './plan.ts';
import type { World } from './world.ts';

/** A policy that runs nothing; its label counts acknowledged writes (I10). */
export const REGISTER = policyId('register');

/** Whether it fails is the world's to say. */
const CHECK: PolicyHealthCheck = {
  probe: { kind: 'tcp', host: '127.0.0.1', port: 1 },
  ...{ intervalMs: 5 * SECOND, timeoutMs: 2 * SECOND, graceMs: 10 * SECOND, failures: 2, missingAfterMs: 15 * SECOND },
};

export function specOf(plan: PolicyPlan): PolicySpec {
  return {
    pool: plan.pool,
    workload: { kind: 'command', argv: ['work'], env: {}, workingDirectory: '', user: '' },
    trigger: plan.trigger,
    requirements: [],
    servers: [],
    listMode: 'ONLY',
    slots: 1,
    priority: 50,
    maxConcurrentRuns: plan.maxConcurrentRuns,
    onDisconnect: plan.onDisconnect,
    stopTimeoutMs: plan.stopTimeoutMs,
    timeLimitMs: undefined,
    healthCheck: plan.checked === true ? CHECK : undefined,
    restart: { attempts: 3, windowMs: 10 * MINUTE, delayMs: 1_000, maxFailures: undefined },
    failback: undefined,
    onCapabilityLoss: 'MOVE',
    onRunMissing: 'NEXT',
    retention: { endedRuns: 20, events: undefined },
    labels: {},
  };
}

export class Intentions {
  readonly #world: World;
  readonly #random: Prng;
  readonly #ideas: Ideas;
  /** Newest value of the register that was asked for, and newest one that was acknowledged. */
  register = { asked: 0, acknowledged: 0 };
  #registerBusy = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.operators;
    this.#ideas = new Ideas(world);
  }

  begin(): void {
    const { operators, plan, ledger, queue } = this.#world;
    const register: PolicyPlan = {
      ...{ name: REGISTER, pool: DEFAULT_POOL, onDisconnect: 'STOP', trigger: { kind: 'on_demand' } },
      ...{ maxConcurrentRuns: 1, stopTimeoutMs: undefined },
      behaviour: { deafShare: 0, termMs: 0, meanLifeMs: 1, failShare: 0 },
    };
    operators.call({ kind: 'create_policy', policy: REGISTER, spec: specOf(register) });
    for (const pool of plan.pools) this.#definePool(pool);
    for (const policy of plan.policies) {
      const id = policyId(policy.name);
      ledger.mostRuns.set(id, policy.maxConcurrentRuns);
      operators.call({ kind: 'create_policy', policy: id, spec: specOf(policy) }, () => {
        if (policy.trigger.kind === 'on_demand') operators.call({ kind: 'start_policy', policy: id, arguments: [] });
      });
    }
    queue.after(10 * SECOND, () => this.#nextCall());
  }

  #definePool(pool: PoolId): void {
    const { operators, plan } = this.#world;
    const { defaultMaxSlots, timers } = plan;
    if (pool === DEFAULT_POOL) {
      const kept = { etag: '', timers: undefined, defaultFailback: undefined };
      operators.call({ kind: 'update_pool', pool, ...kept, defaultMaxSlots });
    } else operators.call({ kind: 'create_pool', pool, timers, defaultFailback: undefined, defaultMaxSlots });
  }

  #nextCall(): void {
    const { plan, healed, queue } = this.#world;
    if (healed) return;
    this.#writeRegister();
    const state = this.#world.leader()?.term.core.state;
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
    const call = this.#ideas.next(state);
    if (call === undefined) return;
    const { operators, queue } = this.#world;
    // Some think long before they press the button: what they saw is old by then.
    if (call.kind === 'confirm_server_dead')
      queue.after(this.#random.float() * 40 * SECOND, () => operators.call(call));
    else operators.call(call);
    if (call.kind === 'delete_policy') this.#createAgain(call.policy);
  }

  /** Creates a deleted policy again under the same name, as soon as that is free. */
  #createAgain(policy: PolicyId): void {
    const { operators, plan, queue } = this.#world;
    const planned = plan.policies.find(({ name }) => name === policy);
    if (planned === undefined) return;
    const create = (): void => {
      operators.call({ kind: 'create_policy', policy, spec: specOf(planned) }, (result) => {
        if (!result.ok && result.error.reason === 'POLICY_DELETING') queue.after(3 * SECOND, create);
      });
    };
    queue.after(this.#random.float() * 10 * SECOND, create);
  }

  /** Once faults are over: nothing that operators did is to stand in the way of a run. */
  tidyUp(): void {
    const { operators, plan, sites } = this.#world;
    this.#writeRegister();
    for (const pool of plan.pools) {
      const kept = { etag: '', timers: undefined, defaultFailback: undefined };
      operators.call({ kind: 'update_pool', pool, ...kept, defaultMaxSlots: 50 });
      operators.call({ kind: 'proceed_takeovers', pool });
    }
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
  }
}
