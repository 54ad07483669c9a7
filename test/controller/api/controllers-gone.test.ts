import { createClient, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import type { ApiContext } from '../../../controller/api/api-context.ts';
import { clusterService } from '../../../controller/api/cluster-service.ts';
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import { goneControllers } from '../../../controller/trouble.ts';
import { ClusterService } from '../../../shared/gen/locum/v1/cluster_service_pb.ts';
import { stateOfNewLeader } from '../new-leader.ts';

type Look = (state: ClusterState, now: { mono: number; wall: number }) => unknown;

describe('status', () => {
  it('names a controller that was there and is gone, with how long ago and what to do', async () => {
    const state = stateOfNewLeader();
    const leaderTerm = { read: async (look: Look) => look(state, { mono: 1, wall: 1_700_000_000_001 }) };
    const controllers = { list: async () => [], gone: () => [] };
    const api = {
      leaderTerm: () => leaderTerm,
      controllers,
      trouble: () => goneControllers([{ id: 'c2', agoMs: 61_000 }], 1_700_000_000_001),
      storeKind: 'etcd',
      version: 'test',
    } as unknown as ApiContext;
    const transport = createRouterTransport((router) => void router.service(ClusterService, clusterService(api)));
    const { deviations } = await createClient(ClusterService, transport).getStatus({});
    expect(deviations.map(({ resource, reason }) => [resource, reason])).toEqual([
      ['controllers/c2', 'CONTROLLER_GONE'],
    ]);
    expect(deviations[0]?.message).toMatch(/last seen 61 s ago; start it again, or let it be/);
  });
});
