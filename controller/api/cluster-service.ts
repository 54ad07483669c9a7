/** The cluster as a whole. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceImpl } from '@connectrpc/connect';
import { toUint64 } from '../../shared/codec/numbers.ts';
import { type ClusterService, ProceedTakeoversRequestSchema } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { LIMITS } from '../../shared/limits.ts';
import { bytesOfTexts, cutToBytes } from '../../shared/parts.ts';
import { poolName, runName } from '../../shared/resource-name.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { Call } from '../core/cluster/event.ts';
import { type Deviation, deviations, isAvailable, isEnded, queuedFor, stormPools, worstFirst } from '../core/views.ts';
import type { StoreStatus } from '../engine/store-status.ts';
import { adviceFor } from '../leadership/leader-term.ts';
import { type ApiContext, planOf, submit } from './api-context.ts';
import { CONTROLLERS, controllerCalls } from './controller-calls.ts';
import { simulateFailure } from './loss-simulation.ts';
import { poolIdOf } from './resource-id.ts';
import { SnapshotStreams } from './snapshot-streams.ts';

export function clusterService(api: ApiContext): ServiceImpl<typeof ClusterService> {
  const snapshots = new SnapshotStreams();
  return {
    async getStatus() {
      const leaderTerm = api.leaderTerm();
      // A store that does not answer must not keep the rest from being told.
      const patience = sleep(STORE_PATIENCE_MS, [], { ref: false });
      const found = await Promise.race([api.controllers.list().catch(() => []), patience]);
      const leader = found.find(({ term }) => term !== undefined);
      const trouble = api.trouble?.() ?? [];
      return leaderTerm.read((state, now) => {
        const runs = [...state.runs.values()].filter((run) => !isEnded(run));
        const told = worstFirst([...trouble, ...deviations(state, now)]);
        const { kept, omitted } = cutToBytes(told, bytesOfTexts, LIMITS.pageBytes);
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
          runningRuns: runs.filter((run) => run.state.kind === 'RUNNING').length,
          queuedRuns: runs.filter((run) => run.state.kind === 'QUEUED').length,
          sessions: state.sessions.size,
          leader: leader === undefined ? '' : `${CONTROLLERS}${leader.id}`,
          leaderEndpoint: leader?.api ?? '',
          omittedDeviations: omitted,
          deviations: kept.map(deviationToProto),
          queue: queuedFor(state).map(({ reason, runs: count, oldestWall }) => ({
            reason,
            runs: count,
            oldestSinceTime: toTimestamp(oldestWall),
          })),
          storms: stormPools(state).map(poolName),
          ...(leaderTerm.storeStatus === undefined
            ? {}
            : { storeStatus: storeStatusToProto(leaderTerm.storeStatus, now.wall) }),
        };
      });
    },

    simulateFailure: (request) => simulateFailure(api, request),

    async proceedTakeovers(message, context) {
      const request: Call = { kind: 'proceed_takeovers', pool: poolIdOf(message.pool, 'pool') };
      const value = await submit(api, { schema: ProceedTakeoversRequestSchema, message, context }, request, 'runs');
      const names = value.runs.map(runName);
      const { kept, omitted } = cutToBytes(names, (name) => name.length + 4, LIMITS.pageBytes);
      return { runs: [...kept], omittedRuns: omitted, ...planOf(value) };
    },

    getDiagnostics: () => diagnosticsOf(api),

    saveSnapshot: () => snapshots.save(() => api.leaderTerm().copy()),

    ...controllerCalls(api),
  };
}

async function diagnosticsOf(api: ApiContext) {
  const { controller, startWall, settings, ...more } = await api.diagnostics();
  const name = `${CONTROLLERS}${controller}`;
  return { ...more, controller: name, startTime: toTimestamp(startWall), settings: [...settings] };
}

function storeStatusToProto({ trouble, waitingRecords, waitingBytes, waitingMs }: StoreStatus, nowWall: number) {
  return {
    ...(trouble === undefined ? {} : { reason: trouble.reason, message: `${trouble.detail}: ${adviceFor(trouble)}` }),
    waitingRecords,
    waitingBytes: toUint64(waitingBytes),
    waitingSinceTime: toTimestamp(waitingMs === undefined ? undefined : nowWall - waitingMs),
  };
}

const STORE_PATIENCE_MS = 1_000;

function deviationToProto({ resource, reason, message, sinceWall, etaWall, command }: Deviation) {
  return { resource, reason, message, command, sinceTime: toTimestamp(sinceWall), etaTime: toTimestamp(etaWall) };
}
