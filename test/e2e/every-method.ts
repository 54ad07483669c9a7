/** One call to each method of the API, in an order in which each makes sense on a cluster of two servers, `a` and `b`. */
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { AccessService } from '../../shared/gen/locum/v1/access_service_pb.ts';
import { AuditService } from '../../shared/gen/locum/v1/audit_service_pb.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { EnrolmentService } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { FenceService } from '../../shared/gen/locum/v1/fence_service_pb.ts';
import { HookService } from '../../shared/gen/locum/v1/hook_service_pb.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';

export const services: readonly DescService[] = [
  ClusterService,
  PoolService,
  ServerService,
  PolicyService,
  RunService,
  EventService,
  FenceService,
  AuditService,
  AccessService,
  EnrolmentService,
  HookService,
];

export interface Example {
  /** `PoolService/GetPool`. */
  readonly method: string;
  /** Proto JSON of the request. */
  readonly request: object;
  /** A reason where the right answer is a refusal. Undefined: it succeeds. */
  readonly refused?: string;
}

export const nameOf = (method: DescMethod): string => `${method.parent.name}/${method.name}`;

/** @throws Error when the method does not exist. */
export function methodNamed(name: string): DescMethod {
  const found = services.flatMap(({ methods }) => methods).find((method) => nameOf(method) === name);
  if (found === undefined) throw new Error(`no method ${name}`);
  return found;
}

/** `id` keeps the policies and pools of two clients apart. `run` is one that runs, of the policy `steady`. */
export function examples({ id, run }: { readonly id: string; readonly run: string }): readonly Example[] {
  const policy = `policies/${id}`;
  const pool = `pools/${id}`;
  const workload = { command: { argv: ['sleep', '1000'] } };
  const dead = { uid: 'u', bootId: 'b', epochs: ['1'], reason: 'a test' };
  return [
    { method: 'ClusterService/GetStatus', request: {} },
    { method: 'ClusterService/ProceedTakeovers', request: { pool: 'pools/default' } },
    { method: 'ClusterService/SimulateFailure', request: { servers: [] } },
    { method: 'ClusterService/ListControllers', request: {} },
    { method: 'ClusterService/ReportCopy', request: { controller: 'controllers/c9', revision: '7' } },
    { method: 'ClusterService/TransferLeadership', request: {}, refused: 'TARGET_NOT_ELIGIBLE' },
    { method: 'ClusterService/GetDiagnostics', request: {} },
    { method: 'ClusterService/SaveSnapshot', request: {} },
    { method: 'AuditService/ListAuditEntries', request: { method: 'CreatePool', log: 'CHANGES' } },
    { method: 'AuditService/WatchAudit', request: {} },
    {
      method: 'AuditService/RecordAccess',
      request: {
        notes: [{ kind: 'DENIAL', count: '1', firstTime: '2026-11-27T08:00:00Z', lastTime: '2026-11-27T08:00:00Z' }],
      },
    },
    { method: 'AccessService/WhoAmI', request: {} },
    { method: 'AccessService/CheckAccess', request: { permission: 'pools.read' } },
    { method: 'AccessService/ListRoles', request: {} },
    { method: 'AccessService/SetRole', request: { role: { name: `roles/${id}`, permissions: ['pools.read'] } } },
    { method: 'AccessService/CreateToken', request: { holder: id, roles: [{ role: id }], validateOnly: true } },
    { method: 'AccessService/ListTokens', request: {} },
    { method: 'AccessService/RevokeToken', request: { name: 'tokens/0' }, refused: 'NOT_FOUND' },
    { method: 'AccessService/SetUser', request: { user: { name: `users/${id}`, roles: [{ role: 'viewer' }] } } },
    { method: 'AccessService/ListUsers', request: {} },
    { method: 'AccessService/DeleteUser', request: { name: `users/${id}` } },
    { method: 'AccessService/DeleteRole', request: { name: `roles/${id}` } },
    { method: 'EnrolmentService/CreateJoinToken', request: { server: 'servers/c' }, refused: 'NO_AUTHORITY' },
    { method: 'EnrolmentService/ListJoinTokens', request: {} },
    { method: 'EnrolmentService/RevokeJoinToken', request: { name: 'joinTokens/aaaaaaaaaa' }, refused: 'NOT_FOUND' },
    { method: 'EnrolmentService/RevokeServer', request: { server: 'servers/never-seen', reason: 'a test' } },
    { method: 'EnrolmentService/ListRevocations', request: {} },
    { method: 'EnrolmentService/GetRoots', request: {}, refused: 'NO_AUTHORITY' },
    { method: 'EnrolmentService/GetAuthority', request: {}, refused: 'NO_AUTHORITY' },
    { method: 'EnrolmentService/RotateAuthority', request: { step: 'AUTHORITY_STEP_BEGIN' }, refused: 'NO_AUTHORITY' },
    {
      method: 'EnrolmentService/Join',
      request: { token: 'a', server: 'servers/c', certificateRequest: 'AAAA' },
      refused: 'NO_AUTHORITY',
    },
    { method: 'HookService/ListHooks', request: {} },
    { method: 'HookService/GetHook', request: { name: 'hooks/none' }, refused: 'NOT_FOUND' },
    { method: 'HookService/TestHook', request: { name: 'hooks/none' }, refused: 'NOT_FOUND' },
    { method: 'HookService/ForgetHook', request: { name: 'hooks/none' }, refused: 'NOT_FOUND' },
    { method: 'FenceService/CheckFence', request: { policy: 'policies/steady', epoch: '1', run } },
    { method: 'PoolService/CreatePool', request: { pool: { name: pool, timers: { missingAfter: '60s' } } } },
    { method: 'PoolService/GetPool', request: { name: pool } },
    { method: 'PoolService/ListPools', request: { pageSize: 1 } },
    {
      method: 'PoolService/UpdatePool',
      request: { pool: { name: pool, defaultMaxSlots: 7 }, updateMask: 'defaultMaxSlots' },
    },
    { method: 'PoolService/WatchPools', request: {} },
    { method: 'PoolService/DeletePool', request: { name: pool } },
    { method: 'PoolService/GetServerOrder', request: { pool: 'pools/default' } },
    { method: 'PoolService/SetServerOrder', request: { pool: 'pools/default', servers: ['servers/a', 'servers/b'] } },
    { method: 'ServerService/GetServer', request: { name: 'servers/a' } },
    { method: 'ServerService/ListServers', request: { pool: 'pools/default' } },
    {
      method: 'ServerService/UpdateServer',
      request: { server: { name: 'servers/b', maxSlots: 9 }, updateMask: 'maxSlots' },
    },
    { method: 'ServerService/DeleteServer', request: { name: 'servers/b' }, refused: 'SERVER_ALIVE' },
    { method: 'ServerService/MoveServer', request: { name: 'servers/b', rank: 1, validateOnly: true } },
    { method: 'ServerService/PromoteServer', request: { name: 'servers/b', validateOnly: true } },
    { method: 'ServerService/DemoteServer', request: { name: 'servers/a', validateOnly: true } },
    {
      method: 'ServerService/MakePrimary',
      request: { name: 'servers/b', apply: 'APPLY_MOVE_NOW', validateOnly: true },
    },
    { method: 'ServerService/CordonServer', request: { name: 'servers/b' } },
    { method: 'ServerService/UncordonServer', request: { name: 'servers/b' } },
    { method: 'ServerService/DrainServer', request: { name: 'servers/b', validateOnly: true } },
    {
      method: 'ServerService/ConfirmServerDead',
      request: { name: 'servers/b', ...dead },
      refused: 'SERVER_NOT_MISSING',
    },
    { method: 'ServerService/ListCapabilities', request: {} },
    { method: 'ServerService/WatchServers', request: {} },
    {
      method: 'PolicyService/CreatePolicy',
      request: { policy: { name: policy, workload, trigger: { onDemand: {} } } },
    },
    { method: 'PolicyService/GetPolicy', request: { name: policy } },
    { method: 'PolicyService/ListPolicies', request: {} },
    {
      method: 'PolicyService/UpdatePolicy',
      request: { policy: { name: policy, workload, priority: 60 }, updateMask: 'priority' },
    },
    { method: 'PolicyService/PausePolicy', request: { name: policy } },
    { method: 'PolicyService/ResumePolicy', request: { name: policy } },
    { method: 'PolicyService/ExplainPlacement', request: { name: policy } },
    { method: 'PolicyService/StartPolicy', request: { name: policy, arguments: ['1'] } },
    { method: 'PolicyService/RestartPolicy', request: { name: policy } },
    { method: 'PolicyService/StopPolicy', request: { name: policy } },
    { method: 'PolicyService/WatchPolicies', request: {} },
    { method: 'PolicyService/DeletePolicy', request: { name: policy } },
    { method: 'RunService/GetRun', request: { name: run } },
    { method: 'RunService/ListRuns', request: { includeEnded: true } },
    { method: 'RunService/MoveRun', request: { name: run, server: 'servers/b', validateOnly: true } },
    { method: 'RunService/ReleaseRun', request: { name: run }, refused: 'WRONG_RUN_STATE' },
    { method: 'RunService/StreamOutput', request: { name: run } },
    { method: 'RunService/WatchRuns', request: {} },
    { method: 'RunService/StopRun', request: { name: 'runs/none-1' }, refused: 'NOT_FOUND' },
    { method: 'EventService/ListEvents', request: { pageSize: 5 } },
    { method: 'EventService/WatchEvents', request: { after: '1' } },
  ];
}
