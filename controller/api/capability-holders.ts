/** Servers in their order, and the capability map: who has what. */
import { create } from '@bufbuild/protobuf';
import { type CapabilityHolders, CapabilityHoldersSchema } from '../../shared/gen/locum/v1/server_service_pb.ts';
import type { PoolId } from '../../shared/ids.ts';
import { serverName } from '../../shared/resource-name.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { capabilityMap } from '../core/records/capability.ts';
import type { Server } from '../core/records/state.ts';
import type { Sight } from './sight.ts';

export interface RankedServer {
  readonly server: Server;
  /** From 1. */
  readonly rank: number;
}

/** By pool and rank; of one pool, or of all. */
export function serversByRank(state: ClusterState, only: PoolId | undefined): readonly RankedServer[] {
  const pools = [...state.pools.values()].filter(({ id }) => only === undefined || id === only);
  return pools
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .flatMap(({ order }) =>
      order.flatMap((id, index) => {
        const server = state.servers.get(id);
        return server === undefined ? [] : [{ server, rank: index + 1 }];
      }),
    );
}

/** What the map is ordered by. */
export const holderKey = ({ name, value }: Pick<CapabilityHolders, 'name' | 'value'>): string => `${name}\n${value}`;

/** Every known name and value, by name, then value. */
export function capabilityHolders(
  state: ClusterState,
  only: PoolId | undefined,
  sight: Pick<Sight, 'server'>,
): CapabilityHolders[] {
  const holders = new Map<string, CapabilityHolders>();
  for (const { server } of serversByRank(state, only)) {
    if (!sight.server(server)) continue;
    for (const { name, value } of [...capabilityMap(server.capabilities).values()].flat()) {
      const key = holderKey({ name, value });
      const holder = holders.get(key) ?? create(CapabilityHoldersSchema, { name, value });
      holders.set(key, holder);
      holder.servers.push(serverName(server.id));
    }
  }
  return [...holders].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, holder]) => holder);
}
