import { describe, expect, it } from 'vitest';
import { file_locum_v1_cluster_service } from '../../../shared/gen/locum/v1/cluster_service_pb.ts';
import { file_locum_v1_policy_service } from '../../../shared/gen/locum/v1/policy_service_pb.ts';
import { file_locum_v1_pool_service } from '../../../shared/gen/locum/v1/pool_service_pb.ts';
import { file_locum_v1_run_service } from '../../../shared/gen/locum/v1/run_service_pb.ts';
import { file_locum_v1_server_service } from '../../../shared/gen/locum/v1/server_service_pb.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { inWorld } from '../controller-world.ts';

const files = [
  file_locum_v1_cluster_service,
  file_locum_v1_policy_service,
  file_locum_v1_pool_service,
  file_locum_v1_run_service,
  file_locum_v1_server_service,
];

describe('every method that can be tried', () => {
  const methods = files.flatMap(({ services }) => services.flatMap((service) => service.methods));
  const tried = methods.filter(({ input }) => input.field['validateOnly'] !== undefined);

  it.each(tried.map((method) => [method.name, method] as const))(
    'answers %s with a plan, and takes one',
    (_name, method) => {
      expect(method.input.field['ifPlan']?.name).toBe('if_plan');
      expect(method.output.field['planEtag']?.name).toBe('plan_etag');
    },
  );

  it('are many', () => expect(tried.length).toBeGreaterThan(20));
});

describe('a plan over the API', () => {
  it(
    'is what a dry run answers, holds until something else would be done, and is refused then',
    inWorld(async (world) => {
      await world.liveAgent('a');
      const { policies } = world.api;
      const policy = { name: 'policies/x', workload: { kind: { case: 'script' as const, value: { text: 'true' } } } };
      const request = { policy, allowMissing: true };
      const { planEtag } = await policies.updatePolicy({ ...request, validateOnly: true });
      expect(planEtag).toMatch(/^[0-9a-f]{16}$/);
      const done = await policies.updatePolicy({ ...request, ifPlan: planEtag });
      expect(done).toMatchObject({ created: true, planEtag: '' });
      const again = await policies.updatePolicy({ ...request, ifPlan: planEtag }).catch(fromConnectError);
      expect(again).toMatchObject({ reason: 'PLAN_CHANGED', code: 'ABORTED' });
    }),
  );
});
