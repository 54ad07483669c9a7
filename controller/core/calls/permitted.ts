/** Whether whoever calls may do it to what he names: judged where the call is carried out, so that nothing changes in between. */

import { Rights, type Target } from '../../../shared/access/authorize.ts';
import { unreachable } from '../../../shared/assert.ts';
import { LocumError } from '../../../shared/errors.ts';
import type { PolicyId, ServerId } from '../../../shared/ids.ts';
import type { ClusterState } from '../cluster/cluster.ts';
import type { AdminCall, Call, Warrant } from '../cluster/event.ts';
import type { View } from '../cluster/turn.ts';
import { resourceOf } from '../records/keys.ts';
import type { PolicySpec, Run } from '../records/state.ts';

/** What everybody may do who holds these grants, as the roles are now. */
export const rightsOf = ({ access }: Pick<ClusterState, 'access'>, warrant: Warrant): Rights =>
  new Rights(warrant.principal, (name) => access.roles.get(name));

/** @throws LocumError PERMISSION_DENIED */
export function checkPermission({ state }: View, { warrant, request }: AdminCall): Rights | undefined {
  if (warrant === undefined) return undefined;
  const rights = rightsOf(state, warrant);
  const { permission } = warrant;
  if (rights.mayEverywhere(permission)) checkRunAs(state, rights, request);
  else {
    const targets = targetsOf(state, request);
    // What is not there is in no part that was given: whoever has a part only is not told which of the two it is.
    if (targets === 'EVERYTHING' || targets.length === 0 || !targets.every((one) => rights.may(permission, one)))
      throw denied(permission);
    checkRunAs(state, rights, request);
  }
  return rights;
}

/**
 * The same of a call that was carried out before, by what it answered about (`resource`) as that is now. Once it is gone there is nothing left
 * to show but that it happened. @throws LocumError PERMISSION_DENIED
 */
export function checkRepeated({ state }: View, { warrant, request }: AdminCall, resource: string): void {
  if (warrant === undefined) return;
  const rights = rightsOf(state, warrant);
  const { permission } = warrant;
  if (rights.mayEverywhere(permission)) return;
  const target = targetOfResource(state, resource);
  const may = target === undefined ? rights.mayAnywhere(permission) : rights.may(permission, target);
  if (targetsOf(state, request) === 'EVERYTHING' || !may) throw denied(permission);
}

export const denied = (permission: string): LocumError =>
  new LocumError(
    'PERMISSION_DENIED',
    `you need the permission ${permission} for this, and your roles do not give it here`,
    {
      metadata: { permission },
    },
  );

/** What a policy and its runs are judged by. */
export const targetOfPolicy = ({ pool, labels }: Pick<PolicySpec, 'pool' | 'labels'>): Target => ({ pool, labels });

/** A run of a policy that is gone has no labels, also where another policy has its name by now. */
export const targetOfRun = (
  { policies }: Pick<ClusterState, 'policies'>,
  run: Pick<Run, 'policy' | 'policyUid' | 'pool'>,
): Target => {
  const policy = policies.get(run.policy);
  return { pool: run.pool, labels: policy?.uid === run.policyUid ? policy.spec.labels : undefined };
};

/** What a name is judged by; undefined: there is no pool, server, policy or run of it. */
export function targetOfResource(state: ClusterState, name: string): Target | undefined {
  const named = resourceOf(name);
  switch (named.kind) {
    case 'pool':
      return state.pools.has(named.id) ? { pool: named.id } : undefined;
    case 'server':
      return ofServer(state, named.id)[0];
    case 'policy':
      return ofPolicy(state, named.id)[0];
    case 'run': {
      const run = state.runs.get(named.id);
      return run && targetOfRun(state, run);
    }
    case 'other':
      return undefined;
  }
}

/** None: it is about something that is not there. */
function targetsOf(state: ClusterState, request: Call): readonly Target[] | 'EVERYTHING' {
  switch (request.kind) {
    case 'update_pool':
    case 'delete_pool':
    case 'set_order':
    case 'proceed_takeovers':
      return [{ pool: request.pool }];
    case 'move_server':
    case 'update_server':
    case 'delete_server':
    case 'cordon_server':
    case 'uncordon_server':
    case 'drain_server':
    case 'confirm_server_dead':
      return ofServer(state, request.server);
    case 'create_policy':
      return [targetOfPolicy(request.spec)];
    case 'update_policy':
      return ofUpdate(state, request);
    case 'delete_policy':
    case 'start_policy':
    case 'stop_policy':
    case 'restart_policy':
    case 'pause_policy':
    case 'resume_policy':
      return ofPolicy(state, request.policy);
    case 'move_run':
    case 'stop_run':
    case 'release_run': {
      const run = state.runs.get(request.run);
      return run === undefined ? [] : [targetOfRun(state, run)];
    }
    case 'create_pool':
    case 'set_role':
    case 'delete_role':
    case 'create_token':
    case 'revoke_token':
    case 'note_token_use':
    case 'set_user':
    case 'delete_user':
    case 'create_join_token':
    case 'revoke_join_token':
    case 'join':
    case 'revoke_server':
    case 'rotate_authority':
    case 'rewrap_authority':
    case 'record_access':
    case 'note_hook':
    case 'forget_hook':
      return 'EVERYTHING';
    default:
      return unreachable(request);
  }
}

function ofServer({ servers }: ClusterState, id: ServerId): readonly Target[] {
  const server = servers.get(id);
  return server === undefined ? [] : [{ pool: server.pool }];
}

function ofPolicy({ policies }: ClusterState, id: PolicyId): readonly Target[] {
  const policy = policies.get(id);
  return policy === undefined ? [] : [targetOfPolicy(policy.spec)];
}

/** As it was, and as it is going to be: labels must not be a way out of what was given, or into it. */
function ofUpdate({ policies }: ClusterState, { policy, patch, createAs }: Extract<Call, { kind: 'update_policy' }>) {
  const spec = policies.get(policy)?.spec;
  if (spec === undefined) return createAs === undefined ? [] : [targetOfPolicy(createAs)];
  return [targetOfPolicy(spec), targetOfPolicy({ pool: spec.pool, labels: patch.labels ?? spec.labels })];
}

/** Whoever says what runs, says it of programs that run as somebody. */
function checkRunAs({ policies }: ClusterState, rights: Rights, request: Call): void {
  const spec = specOf(request, (id) => policies.get(id)?.spec);
  if (spec === undefined || rights.mayRunAs(spec.workload.user, targetOfPolicy(spec))) return;
  const { user } = spec.workload;
  const whom = user === '' ? 'the user that the keeper runs as, since the policy names none' : user;
  const message = `you need the permission policies.run-as for ${whom}: a role names it in run_as`;
  throw new LocumError('PERMISSION_DENIED', message, { metadata: { permission: 'policies.run-as', run_as: user } });
}

/** What would run, of a call that says so. */
function specOf(
  request: Call,
  find: (id: PolicyId) => PolicySpec | undefined,
): Pick<PolicySpec, 'pool' | 'labels' | 'workload'> | undefined {
  if (request.kind === 'create_policy') return request.spec;
  if (request.kind !== 'update_policy') return undefined;
  const spec = find(request.policy);
  if (spec === undefined) return request.createAs;
  const { workload, healthCheck, labels = spec.labels } = request.patch;
  if (workload === undefined && healthCheck === undefined) return undefined;
  return { pool: spec.pool, labels, workload: workload ?? spec.workload };
}
