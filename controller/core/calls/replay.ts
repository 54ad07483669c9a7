/** The answer to a repeated call: the same resource as it is now. */
import { unreachable } from '../../../shared/assert.ts';
import type { Call, CallValue } from '../cluster/event.ts';
import type { View } from '../cluster/turn.ts';
import { resourceOf } from '../records/keys.ts';
import type { Pool } from '../records/state.ts';
import { EMPTY_PLAN, goneOutcome } from './outcome.ts';

/** `resource`: what the call was about when it was carried out. Undefined: that has been deleted since. */
export function currentValue(turn: View, request: Call, resource: string): CallValue | undefined {
  switch (request.kind) {
    case 'create_pool':
    case 'update_pool':
      return ofPool(turn, resource, (pool) => ({ kind: 'pool', pool }));
    case 'set_order':
    case 'move_server':
      return ofPool(turn, resource, (pool) => ({ kind: 'order', pool, plan: EMPTY_PLAN }));
    case 'proceed_takeovers':
      return ofPool(turn, resource, () => ({ kind: 'runs', runs: [] }));
    case 'update_server':
    case 'cordon_server':
    case 'uncordon_server':
    case 'drain_server':
    case 'confirm_server_dead':
      return ofServer(turn, resource);
    case 'create_policy':
    case 'update_policy':
    case 'stop_policy':
    case 'restart_policy':
    case 'pause_policy':
    case 'resume_policy':
      return ofPolicy(turn, resource);
    case 'start_policy':
    case 'move_run':
    case 'stop_run':
    case 'release_run':
      return ofRun(turn, resource);
    case 'set_role':
    case 'create_token':
    case 'set_user':
      return ofAccess(turn, resource);
    case 'delete_role':
    case 'revoke_token':
    case 'delete_user':
      return goneOutcome(resource).value;
    case 'create_join_token':
    case 'revoke_join_token':
      return ofJoinToken(turn, resource);
    case 'revoke_server':
      return ofRevocation(turn, resource);
    case 'rotate_authority':
    case 'rewrap_authority':
      return turn.state.authority && { kind: 'authority', authority: turn.state.authority, behind: [] };
    case 'note_token_use':
    case 'record_access':
    case 'note_hook':
      return { kind: 'noted' };
    case 'join':
      // It has no request_id: its key says whether it is repeated.
      return undefined;
    case 'forget_hook':
      return goneOutcome(resource).value;
    case 'delete_pool':
      // Done at once: a pool that is there now was made since.
      return goneOutcome(resource).value;
    case 'delete_server':
      return ofServer(turn, resource) ?? goneOutcome(resource).value;
    case 'delete_policy':
      return ofPolicy(turn, resource) ?? goneOutcome(resource).value;
    default:
      return unreachable(request);
  }
}

function ofAccess({ state: { access } }: View, resource: string): CallValue | undefined {
  // A user may be named like a token's id.
  const record = access.named(resource);
  return record && { kind: 'access', record };
}

function ofPool({ state }: View, resource: string, say: (pool: Pool) => CallValue): CallValue | undefined {
  const named = resourceOf(resource);
  const pool = named.kind === 'pool' ? state.pools.get(named.id) : undefined;
  return pool && say(pool);
}

function ofServer({ state }: View, resource: string): CallValue | undefined {
  const named = resourceOf(resource);
  const server = named.kind === 'server' ? state.servers.get(named.id) : undefined;
  return server && { kind: 'server', server, plan: EMPTY_PLAN, runs: [] };
}

function ofPolicy({ state }: View, resource: string): CallValue | undefined {
  const named = resourceOf(resource);
  const policy = named.kind === 'policy' ? state.policies.get(named.id) : undefined;
  return policy && { kind: 'policy', policy, warnings: [] };
}

function ofJoinToken({ state }: View, resource: string): CallValue | undefined {
  const token = state.joinTokens.get(resource.slice(resource.indexOf('/') + 1));
  return token && { kind: 'join_token', token };
}

function ofRevocation({ state }: View, resource: string): CallValue | undefined {
  const named = resourceOf(resource);
  const revocation = named.kind === 'server' ? state.revocations.get(named.id) : undefined;
  return revocation && { kind: 'revocation', revocation };
}

function ofRun({ state }: View, resource: string): CallValue | undefined {
  const named = resourceOf(resource);
  const run = named.kind === 'run' ? state.runs.get(named.id) : undefined;
  return run && { kind: 'run', run };
}
