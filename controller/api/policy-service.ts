/** Policies: reading them here, changing them in policy-changes.ts. */
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import type { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { type PolicyId, policyId } from '../../shared/ids.ts';
import { LIMITS } from '../../shared/limits.ts';
import { bytesOfTexts, cutToBytes } from '../../shared/parts.ts';
import { serverName } from '../../shared/resource-name.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { Policy } from '../core/records/state.ts';
import { explainPlacement } from '../core/views.ts';
import type { ApiContext } from './api-context.ts';
import { labelFilter } from './label-filter.ts';
import { indexAfterText, pageOf } from './page.ts';
import { policyEdits, policyVerbs } from './policy-changes.ts';
import { projectPolicy } from './projections/project-policy.ts';
import { policyIdOf, poolIdOf } from './resource-id.ts';
import { sightOf } from './sight.ts';
import { watchResources } from './watch-resources.ts';

type Service = ServiceImpl<typeof PolicyService>;

export const policyService = (api: ApiContext): Service => ({
  ...policyReads(api),
  ...policyEdits(api),
  ...policyVerbs(api),
});

function policyReads(
  api: ApiContext,
): Pick<Service, 'getPolicy' | 'listPolicies' | 'explainPlacement' | 'watchPolicies'> {
  return {
    async getPolicy({ name }, context) {
      const id = policyIdOf(name);
      return api
        .leaderTerm()
        .read((state) => ({ policy: projectPolicy(state, seenPolicy(state, context, { id, name })) }));
    },

    async listPolicies(request, context) {
      const pool = request.pool === '' ? undefined : poolIdOf(request.pool, 'pool');
      const isWanted = labelFilter(request.filter);
      return api.leaderTerm().read((state) => {
        const sight = sightOf(context, state);
        const isOf = ({ spec }: Policy): boolean => (pool === undefined || spec.pool === pool) && isWanted(spec.labels);
        const policies = [...state.policies.values()].filter((policy) => isOf(policy) && sight.policy(policy));
        const { shown, nextPageToken } = pageOf(
          policies.sort((a, b) => (a.id < b.id ? -1 : 1)),
          request,
          {
            question: ['ListPolicies', request.pool, request.filter],
            cursorOf: ({ id }) => id,
            indexAfter: indexAfterText(({ id }) => id),
            schema: PolicySchema,
            show: (policy) => projectPolicy(state, policy),
          },
        );
        return { policies: shown, nextPageToken };
      });
    },

    async explainPlacement({ name }, context) {
      const id = policyIdOf(name);
      return api.leaderTerm().read((state, now) => {
        const { chosen, hold, verdicts } = explainPlacement(state, seenPolicy(state, context, { id, name }), now);
        const { kept, omitted } = cutToBytes(verdicts, bytesOfTexts, LIMITS.pageBytes);
        return {
          chosenServer: chosen === undefined ? '' : serverName(chosen),
          servers: kept.map(({ server, ...verdict }) => ({ server: serverName(server), ...verdict })),
          omittedServers: omitted,
          ...(hold === undefined
            ? {}
            : { hold: { reason: hold.reason, message: hold.message, etaTime: toTimestamp(hold.etaWall) } }),
        };
      });
    },

    async *watchPolicies({ revision, filter }, context) {
      const isWanted = labelFilter(filter);
      const items = watchResources(api, revision, context.signal, {
        folder: 'policies',
        seesAll: (state) => sightOf(context, state).isWhole,
        list: (state) => [...state.policies.keys()].sort(),
        project: (state, _, id) => {
          const policy = state.policies.get(policyId(id));
          if (policy === undefined || !isWanted(policy.spec.labels)) return undefined;
          return sightOf(context, state).policy(policy) ? projectPolicy(state, policy) : undefined;
        },
      });
      for await (const { value, ...rest } of items) {
        yield value === undefined ? rest : { ...rest, change: { case: 'policy' as const, value } };
      }
    },
  };
}

function seenPolicy(
  state: ClusterState,
  context: HandlerContext,
  { id, name }: { readonly id: PolicyId; readonly name: string },
): Policy {
  const sight = sightOf(context, state);
  return sight.found(state.policies.get(id), name, (policy) => sight.policy(policy));
}
