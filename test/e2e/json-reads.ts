/**
 * Every verb that asks controllers, and what its `-o json` is: the answer of a method, or why it is none. docs/cli.md says the same of the
 * exceptions.
 */
import type { DescMethodStreaming, DescMethodUnary, JsonObject } from '@bufbuild/protobuf';
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

export interface Read {
  /** As a person types it. */
  readonly line: string;
  readonly method: DescMethodUnary | DescMethodStreaming;
  /** Proto JSON. */
  readonly request: JsonObject;
  /** Where it is no answer of the method: a file that people write. */
  readonly yamlIsAFile?: true;
  /** The request as grpcurl takes it, which does not know the JSON of a FieldMask. Default: `request`. */
  readonly grpcurl?: JsonObject;
  /** A time that is the moment of the question. */
  readonly asked?: string;
}

const reads = (line: string, method: Read['method'], request: JsonObject = {}): Read => ({ line, method, request });

/** The answer of one call, and nothing else. */
export const READS: readonly Read[] = [
  reads('status', ClusterService.method.getStatus),
  reads('server list', ServerService.method.listServers, { pageSize: 500 }),
  reads('server list -l site=b', ServerService.method.listServers, { filter: ['site=b'] }),
  reads('server show a', ServerService.method.getServer, { name: 'servers/a' }),
  reads('server wait a --for available', ServerService.method.getServer, { name: 'servers/a' }),
  reads('server capabilities', ServerService.method.listCapabilities, { pageSize: 500 }),
  reads('server order', PoolService.method.getServerOrder, { pool: 'pools/default' }),
  reads('server revoked', EnrolmentService.method.listRevocations),
  reads('pool list', PoolService.method.listPools),
  reads('pool show default', PoolService.method.getPool, { name: 'pools/default' }),
  { ...reads('policy list', PolicyService.method.listPolicies), yamlIsAFile: true },
  { ...reads('policy show steady', PolicyService.method.getPolicy, { name: 'policies/steady' }), yamlIsAFile: true },
  reads('policy explain steady', PolicyService.method.explainPlacement, { name: 'policies/steady' }),
  reads('policy wait steady --for running', PolicyService.method.getPolicy, { name: 'policies/steady' }),
  reads('run list', RunService.method.listRuns),
  reads('run list --all', RunService.method.listRuns, { includeEnded: true }),
  reads('run list --ended --policy job', RunService.method.listRuns, { onlyEnded: true, policy: 'policies/job' }),
  reads('run show job-2', RunService.method.getRun, { name: 'runs/job-2' }),
  reads('run wait job-2 --for succeeded', RunService.method.getRun, { name: 'runs/job-2' }),
  { ...reads('run logs job-2', RunService.method.streamOutput, { name: 'runs/job-2' }), asked: 'readTime' },
  reads('events --limit 7', EventService.method.listEvents, { pageSize: 7 }),
  reads('events --about servers/a', EventService.method.listEvents, { about: 'servers/a', pageSize: 50 }),
  reads('audit list --limit 3', AuditService.method.listAuditEntries, { pageSize: 3 }),
  reads('auth whoami', AccessService.method.whoAmI),
  reads('auth can-i servers.read', AccessService.method.checkAccess, { permission: 'servers.read' }),
  reads('auth token list', AccessService.method.listTokens),
  reads('auth role list', AccessService.method.listRoles),
  reads('auth user list', AccessService.method.listUsers),
  reads('hook list', HookService.method.listHooks),
  reads('hook show told', HookService.method.getHook, { name: 'hooks/told' }),
  reads('fence check steady 1', FenceService.method.checkFence, { policy: 'policies/steady', epoch: '1' }),
  reads('plan --server-lost a', ClusterService.method.simulateFailure, { servers: ['servers/a'] }),
  {
    ...reads('plan limit a 1', ServerService.method.updateServer, {
      ...{ server: { name: 'servers/a', maxSlots: 1 }, validateOnly: true },
      updateMask: 'maxSlots',
    }),
    grpcurl: {
      ...{ server: { name: 'servers/a', maxSlots: 1 }, validateOnly: true },
      updateMask: { paths: ['max_slots'] },
    },
  },
  reads('plan order b a', PoolService.method.setServerOrder, {
    pool: 'pools/default',
    servers: ['servers/b', 'servers/a'],
    apply: 'APPLY_MOVE_NOW',
    validateOnly: true,
  }),
  { ...reads('controllers', ClusterService.method.listControllers), asked: 'lastSeenTime' },
  reads('token list', EnrolmentService.method.listJoinTokens),
];

/** Streams: each line is a message, the first ones of which are what is there now. */
export const WATCHES: readonly (Read & { readonly messages: number })[] = [
  { ...reads('server list --watch', ServerService.method.watchServers), messages: 2 },
  { ...reads('pool list --watch', PoolService.method.watchPools), messages: 1 },
  { ...reads('policy list --watch', PolicyService.method.watchPolicies), messages: 2 },
  { ...reads('run list --watch', RunService.method.watchRuns), messages: 1 },
];

/** What reads, and prints no answer of one method. */
export const OTHER_READS: Readonly<Record<string, string>> = {
  top: 'is for people, and refuses -o json',
  'policy diff': 'prints what apply --dry-run would answer, one line for each policy',
  'audit verify': 'judges what it reads, and prints the verdict',
  'audit export': 'writes entries as the file of the audit has them, one line each',
  'policy init': 'prints a file, and asks nobody',
  'snapshot save': 'writes a file',
  'snapshot inspect': 'reads a file, and asks nobody',
  'debug bundle': 'writes a file',
  'pki status': 'needs a controller with an authority: pki tests',
  'pki trust': 'needs a controller with an authority: pki tests',
  'pki new-root': 'writes files, and asks nobody',
  'pki new-wrapping-key': 'writes a file, and asks nobody',
};

/** What changes something prints the answer of its method by the same piece; these are tried where they are told of. */
export const CHANGES: readonly string[] = [
  ...['promote', 'demote', 'make-primary', 'move', 'cordon', 'uncordon', 'drain'].map((verb) => `server ${verb}`),
  ...['confirm-dead', 'delete', 'revoke', 'limit'].map((verb) => `server ${verb}`),
  ...['set', 'create', 'delete'].map((verb) => `pool ${verb}`),
  ...['apply', 'edit', 'rename', 'start', 'stop', 'restart', 'pause', 'resume', 'delete'].map(
    (verb) => `policy ${verb}`,
  ),
  ...['move', 'stop', 'release'].map((verb) => `run ${verb}`),
  ...['token create', 'token revoke', 'role set', 'role delete', 'user set', 'user delete'].map(
    (verb) => `auth ${verb}`,
  ),
  ...['hook test', 'hook forget', 'proceed', 'transfer-leadership', 'snapshot restore', 'token create', 'token revoke'],
  ...['begin', 'switch', 'finish', 'abort'].map((verb) => `pki rotate ${verb}`),
];
