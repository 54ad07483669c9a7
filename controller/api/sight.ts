/** What of the cluster a caller sees: a permission that was given for a part shows that part, and lists leave out the rest. */
import type { HandlerContext } from '@connectrpc/connect';
import { Rights, type Target } from '../../shared/access/authorize.ts';
import { ruleOf } from '../../shared/access/method-access.ts';
import type { Permission } from '../../shared/access/permissions.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import { denied, targetOfPolicy, targetOfRun } from '../core/calls/permitted.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { KnownEvent } from '../core/records/event-type.ts';
import { GUARDED_EVENTS } from '../core/records/guarded-event.ts';
import type { EventRecord, Policy, Pool, Run, Server } from '../core/records/state.ts';
import { found } from './resource-id.ts';

type SeenEvent = Pick<EventRecord, 'type' | 'pool' | 'server' | 'policy' | 'wall'>;

export class Sight {
  readonly #state: ClusterState;
  readonly #rights: Rights;
  readonly #permission: Permission;
  /** Types of events that he is not shown, whatever they are about. */
  readonly #hidden: ReadonlySet<KnownEvent>;
  /** Whether it is everything. */
  readonly isWhole: boolean;

  constructor(state: ClusterState, rights: Rights, permission: Permission) {
    this.#state = state;
    this.#rights = rights;
    this.#permission = permission;
    this.isWhole = rights.mayEverywhere(permission);
    const guarded = [...GUARDED_EVENTS].filter(([, needed]) => !needed.every((one) => rights.mayEverywhere(one)));
    this.#hidden = new Set(guarded.map(([type]) => type));
  }

  pool({ id }: Pick<Pool, 'id'>): boolean {
    return this.#sees({ pool: id });
  }

  server({ pool }: Pick<Server, 'pool'>): boolean {
    return this.#sees({ pool });
  }

  policy({ spec }: Pick<Policy, 'spec'>): boolean {
    return this.isWhole || this.#sees(targetOfPolicy(spec));
  }

  run(run: Pick<Run, 'policy' | 'policyUid' | 'pool'>): boolean {
    return this.isWhole || this.#sees(targetOfRun(this.#state, run));
  }

  /** Events of the cluster itself are for those who see everything. */
  event({ type, pool, server, policy, wall }: SeenEvent): boolean {
    if (this.#hidden.has(type)) return false;
    if (this.isWhole) return true;
    const { policies, servers } = this.#state;
    const named = policy === undefined ? undefined : policies.get(policy);
    // An event that is older is about another policy, which had that name before.
    if (named !== undefined && named.createWall <= wall) return this.#sees(targetOfPolicy(named.spec));
    return this.#sees({ pool: pool ?? (server === undefined ? '' : (servers.get(server)?.pool ?? '')) });
  }

  /** Whoever sees a part is not told whether what he does not see is there. @throws LocumError NOT_FOUND, PERMISSION_DENIED */
  found<T>(record: T | undefined, name: string, sees: (record: T) => boolean): T {
    if (this.isWhole) return found(record, name);
    if (record === undefined || !sees(record)) throw denied(this.#permission);
    return record;
  }

  #sees(target: Target): boolean {
    return this.isWhole || this.#rights.may(this.#permission, target);
  }
}

/** By the roles as they are now. @throws LocumError PERMISSION_DENIED */
export function sightOf({ values, method }: Pick<HandlerContext, 'values' | 'method'>, state: ClusterState): Sight {
  const rule = ruleOf(method);
  if (rule?.kind !== 'permission') throw denied(method.name);
  const rights = new Rights(values.get(callerKey).principal, (name) => state.access.roles.get(name));
  if (!rights.mayAnywhere(rule.permission)) throw denied(rule.permission);
  return new Sight(state, rights, rule.permission);
}
