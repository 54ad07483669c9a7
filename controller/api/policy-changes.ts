/** Changes of policies, and starting and stopping them. */
import type { ServiceImpl } from '@connectrpc/connect';
import { invalidField } from '../../shared/errors.ts';
import type { Policy as PbPolicy } from '../../shared/gen/locum/v1/policy_pb.ts';
import {
  CreatePolicyRequestSchema,
  DeletePolicyRequestSchema,
  PausePolicyRequestSchema,
  type PolicyService,
  RestartPolicyRequestSchema,
  ResumePolicyRequestSchema,
  StartPolicyRequestSchema,
  StopPolicyRequestSchema,
  UpdatePolicyRequestSchema,
} from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { runName } from '../../shared/resource-name.ts';
import { policyToProto } from '../codec/policy.ts';
import { checkArgumentsSize } from '../codec/workload-check.ts';
import type { Call, CallValue } from '../core/cluster/event.ts';
import type { Policy } from '../core/records/state.ts';
import { type ApiContext, planOf, submit } from './api-context.ts';
import { policyAdvice } from './policy-advice.ts';
import { changesBetween } from './policy-diff.ts';
import { newPolicySpec, policyPatch } from './policy-patch.ts';
import { projectPolicy } from './projections/project-policy.ts';
import { projectRun } from './projections/project-run.ts';
import { policyIdOf } from './resource-id.ts';

type Service = ServiceImpl<typeof PolicyService>;

const showIn = (api: ApiContext) => (policy: Policy) => api.leaderTerm().read((state) => projectPolicy(state, policy));

/** What changes the policies themselves. */
export function policyEdits(api: ApiContext): Pick<Service, 'createPolicy' | 'updatePolicy' | 'deletePolicy'> {
  const show = showIn(api);
  return {
    async createPolicy(message, context) {
      const policy = requiredPolicy(message.policy);
      const request: Call = {
        kind: 'create_policy',
        policy: policyIdOf(policy.name, 'policy.name'),
        spec: newPolicySpec(policy),
      };
      const value = await submit(api, { schema: CreatePolicyRequestSchema, message, context }, request, 'policy');
      const warnings = [...value.warnings, ...policyAdvice(policy)];
      return { policy: await show(value.policy), warnings, ...planOf(value) };
    },

    async updatePolicy(message, context) {
      const policy = requiredPolicy(message.policy);
      const request: Call = {
        kind: 'update_policy',
        policy: policyIdOf(policy.name, 'policy.name'),
        etag: policy.etag,
        patch: policyPatch(policy, message.updateMask),
        createAs: message.allowMissing ? newPolicySpec(policy) : undefined,
      };
      const value = await submit(api, { schema: UpdatePolicyRequestSchema, message, context }, request, 'policy');
      const warnings = [...value.warnings, ...policyAdvice(policy, message.updateMask)];
      return { policy: await show(value.policy), warnings, ...changeOf(value), ...planOf(value) };
    },

    async deletePolicy(message, context) {
      const request: Call = { kind: 'delete_policy', policy: policyIdOf(message.name), etag: message.etag };
      const submission = { schema: DeletePolicyRequestSchema, message, context };
      const value = await submit(api, submission, request, 'policy', 'gone');
      return { ...(value.kind === 'gone' ? {} : { policy: await show(value.policy) }), ...planOf(value) };
    },
  };
}

/** What changes which of them run. */
export function policyVerbs(
  api: ApiContext,
): Pick<Service, 'startPolicy' | 'stopPolicy' | 'restartPolicy' | 'pausePolicy' | 'resumePolicy'> {
  const show = showIn(api);
  return {
    async startPolicy(message, context) {
      checkArgumentsSize(message.arguments);
      const request: Call = {
        kind: 'start_policy',
        policy: policyIdOf(message.name),
        arguments: [...message.arguments],
      };
      const submission = { schema: StartPolicyRequestSchema, message, context };
      const value = await submit(api, submission, request, 'run', 'policy');
      // Only tried: there is no run to show.
      if (value.kind === 'policy') return planOf(value);
      return api.leaderTerm().read((state, now) => ({ run: projectRun(state, value.run, now) }));
    },

    async stopPolicy(message, context) {
      const request: Call = { kind: 'stop_policy', policy: policyIdOf(message.name) };
      const value = await submit(api, { schema: StopPolicyRequestSchema, message, context }, request, 'policy');
      return { policy: await show(value.policy), ...planOf(value) };
    },

    async restartPolicy(message, context) {
      const request: Call = { kind: 'restart_policy', policy: policyIdOf(message.name) };
      const value = await submit(api, { schema: RestartPolicyRequestSchema, message, context }, request, 'policy');
      return { policy: await show(value.policy), ...planOf(value) };
    },

    async pausePolicy(message, context) {
      const request: Call = { kind: 'pause_policy', policy: policyIdOf(message.name) };
      const value = await submit(api, { schema: PausePolicyRequestSchema, message, context }, request, 'policy');
      return { policy: await show(value.policy), ...planOf(value) };
    },

    async resumePolicy(message, context) {
      const request: Call = { kind: 'resume_policy', policy: policyIdOf(message.name) };
      const value = await submit(api, { schema: ResumePolicyRequestSchema, message, context }, request, 'policy');
      return { policy: await show(value.policy), ...planOf(value) };
    },
  };
}

/** What an update changed, or would. A repeated call's first answer is not kept: nothing is said then. */
function changeOf({ policy, before, effects }: Extract<CallValue, { readonly kind: 'policy' }>) {
  if (effects === undefined) return {};
  const changes =
    before === undefined ? [] : changesBetween(policyToProto({ ...policy, spec: before }), policyToProto(policy));
  return {
    created: before === undefined,
    changes,
    effects: effects.map(({ run, ...effect }) => ({ ...effect, run: run === undefined ? '' : runName(run) })),
  };
}

function requiredPolicy(policy: PbPolicy | undefined): PbPolicy {
  if (policy === undefined) throw invalidField('policy', 'is required');
  return policy;
}
