/** The answer to a repeated call: the same resource as it is now. */
import type { PolicyId, PoolId, RunId, ServerId } from '../../../shared/ids.ts';
import type { Call, CallValue } from '../cluster/event.ts';
import type { View } from '../cluster/turn.ts';
import { resourceOf } from '../records/keys.ts';
import { EMPTY_PLAN } from './outcome.ts';

export function currentValue(turn: View, request: Call, resource: string): CallValue | undefined {
  const deleted: CallValue | undefined = isDelete(request) ? { kind: 'gone', name: resource } : undefined;
  const named = resourceOf(resource);
  switch (named.kind) {
    case 'pool':
      return poolValue(turn, request, named.id) ?? deleted;
    case 'server':
      return serverValue(turn, named.id) ?? deleted;
    case 'policy':
      return policyValue(turn, named.id) ?? deleted;
    case 'run':
      return runValue(turn, named.id);
    case 'other':
      return deleted;
  }
}

const isDelete = ({ kind }: Call): boolean =>
  kind === 'delete_pool' || kind === 'delete_server' || kind === 'delete_policy';

function poolValue(turn: View, request: Call, id: PoolId): CallValue | undefined {
  const pool = turn.state.pools.get(id);
  // Deleting a pool is done at once: one that is there now was made since.
  if (pool === undefined || request.kind === 'delete_pool') return undefined;
  if (request.kind === 'proceed_takeovers') return { kind: 'runs', runs: [] };
  if (request.kind === 'set_order' || request.kind === 'move_server') return { kind: 'order', pool, plan: EMPTY_PLAN };
  return { kind: 'pool', pool };
}

function serverValue(turn: View, id: ServerId): CallValue | undefined {
  const server = turn.state.servers.get(id);
  return server === undefined ? undefined : { kind: 'server', server, plan: EMPTY_PLAN, runs: [] };
}

function policyValue(turn: View, id: PolicyId): CallValue | undefined {
  const policy = turn.state.policies.get(id);
  return policy === undefined ? undefined : { kind: 'policy', policy, warnings: [] };
}

function runValue(turn: View, id: RunId): CallValue | undefined {
  const run = turn.state.runs.get(id);
  return run === undefined ? undefined : { kind: 'run', run };
}
