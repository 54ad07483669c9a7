/** The cluster as a whole. */
import type { ServiceImpl } from '@connectrpc/connect';
import { type ClusterService, ProceedTakeoversRequestSchema } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { poolName, runName } from '../../shared/resource-name.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { toUint64 } from '../codec/numbers.ts';
import type { Call } from '../core/event.ts';
import { deviations, isAvailable, isEnded, stormPools } from '../core/views.ts';
import { type ApiContext, submit } from './api-context.ts';
import { poolIdOf } from './resource-id.ts';

export function clusterService(api: ApiContext): ServiceImpl<typeof ClusterService> {
  return {
    async getStatus() {
      return api.reign().read((state, now) => {
        const runs = [...state.runs.values()].filter((run) => !isEnded(run));
        return {
          clusterId: state.clusterId,
          incarnation: toUint64(state.incarnation),
          term: toUint64(state.term),
          version: api.version,
          leaderSinceTime: toTimestamp(state.electedWall),
          store: api.storeKind,
          servers: state.servers.size,
          availableServers: [...state.servers.values()].filter((server) => isAvailable(state, server)).length,
          policies: state.policies.size,
          runs: runs.length,
          runningRuns: runs.filter((run) => run.state === 'RUNNING').length,
          queuedRuns: runs.filter((run) => run.state === 'QUEUED').length,
          sessions: state.sessions.size,
          deviations: deviations(state, now).map(({ resource, reason, message, etaWall }) => ({
            resource,
            reason,
            message,
            etaTime: toTimestamp(etaWall),
          })),
          storms: stormPools(state).map(poolName),
        };
      });
    },

    async proceedTakeovers(message, context) {
      const request: Call = { kind: 'proceed_takeovers', pool: poolIdOf(message.pool, 'pool') };
      const value = await submit(api, { schema: ProceedTakeoversRequestSchema, message, context }, request, 'runs');
      return { runs: value.runs.map(runName) };
    },
  };
}
