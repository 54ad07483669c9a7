/** What comes to the minds of operators while things break: any call about anything that is there. */

import type { ClusterState } from '../../controller/core/cluster/cluster.ts';
import type { Call } from '../../controller/core/cluster/event.ts';
import { bootMark } from '../../controller/core/records/boot-mark.ts';
import { isEnded } from '../../controller/core/records/run-state.ts';
import type { PolicySpec, Server } from '../../controller/core/records/state.ts';
import { DEFAULT_POOL, type PolicyId, policyId } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import { TIMER_EDITS } from './plan.ts';
import type { World } from './world.ts';

export class Ideas {
  readonly #world: World;
  readonly #random: Prng;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.operators;
  }

  /** A call about something that is there, or nothing. */
  next(state: ClusterState): Call | undefined {
    const random = this.#random;
    const server = random.pick([...state.servers.values()]);
    const policy = random.pick(this.#world.plan.policies.map(({ name }) => policyId(name)));
    const run = random.pick([...state.runs.values()].filter((run) => !isEnded(run)));
    if (server === undefined || policy === undefined) return undefined;
    const { pools } = this.#world.plan;
    const pool = (pools.length > 1 ? random.pick(pools) : undefined) ?? DEFAULT_POOL;
    const apply = random.chance(0.5) ? 'MOVE_NOW' : 'NEW_ONLY';
    switch (random.int(0, 19)) {
      case 0:
        return {
          kind: 'set_order',
          pool,
          servers: random.shuffle(state.pools.get(pool)?.order ?? []),
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
        return {
          kind: 'drain_server',
          server: server.id,
          deadlineMs: random.pick([undefined, 5_000, 60_000]),
          letFinish: server.id.endsWith('1'),
        };
      case 6:
        return {
          kind: 'update_pool',
          pool,
          etag: '',
          timers: random.pick(TIMER_EDITS),
          defaultFailback: undefined,
          defaultMaxSlots: random.pick([undefined, 2, 50]),
        };
      case 7:
      case 8:
        return this.#edit(state, policy);
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
        return { kind: 'delete_policy', policy, etag: '' };
      case 17:
        return confirmDead(state, random);
      case 18:
        return run === undefined
          ? undefined
          : { kind: 'release_run', run: run.id, abandonAttempt: random.chance(0.3), reason: 'the simulator says so' };
      default:
        return random.chance(0.5)
          ? { kind: 'proceed_takeovers', pool }
          : { kind: 'delete_server', server: server.id, etag: '' };
    }
  }

  #edit(state: ClusterState, policy: PolicyId): Call {
    const random = this.#random;
    const { ledger, plan } = this.#world;
    const servers = random
      .shuffle(Array.from({ length: plan.servers }, (_, index) => index))
      .slice(0, random.int(1, 3));
    const order = [...(state.pools.get(state.policies.get(policy)?.spec.pool ?? DEFAULT_POOL)?.order ?? [])];
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
}

/** What an operator was shown of a server, as of now. */
function confirmDead(state: ClusterState, random: Prng): Call | undefined {
  const missing = [...state.servers.values()].filter(({ liveness }) => liveness === 'MISSING');
  const server: Server | undefined = random.pick(missing);
  if (server === undefined) return undefined;
  const epochs = [...state.runs.values()].flatMap(({ attempts }) =>
    attempts
      .filter((attempt) => attempt.server === server.id && attempt.state.kind !== 'ENDED')
      .map((attempt) => Number(attempt.epoch)),
  );
  const { uid } = server;
  const boot = bootMark(server);
  return { kind: 'confirm_server_dead', server: server.id, uid, boot, epochs, reason: 'the simulator says so' };
}
