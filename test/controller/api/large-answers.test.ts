import { create, toBinary } from '@bufbuild/protobuf';
import { createClient, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import type { ApiContext } from '../../../controller/api/api-context.ts';
import { clusterService } from '../../../controller/api/cluster-service.ts';
import { ClusterService, ProceedTakeoversResponseSchema } from '../../../shared/gen/locum/v1/cluster_service_pb.ts';
import { LIMITS } from '../../../shared/limits.ts';

describe('an answer that could name more than it has room for', () => {
  it('names as many runs as fit, and says how many more go on', async () => {
    const runs = Array.from({ length: 100_000 }, (_, i) => `${'p'.repeat(60)}-${i}`);
    const leaderTerm = { call: async () => ({ kind: 'runs', runs }) };
    const api = { leaderTerm: () => leaderTerm } as unknown as ApiContext;
    const transport = createRouterTransport((router) => void router.service(ClusterService, clusterService(api)));
    const answer = await createClient(ClusterService, transport).proceedTakeovers({ pool: 'pools/default' });
    expect(answer.runs.length).toBeGreaterThan(1_000);
    expect(answer.runs.length + answer.omittedRuns).toBe(runs.length);
    const bytes = toBinary(ProceedTakeoversResponseSchema, create(ProceedTakeoversResponseSchema, answer));
    expect(bytes.length).toBeLessThanOrEqual(LIMITS.pageBytes);
  });
});
