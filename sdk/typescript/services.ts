/** What every client of Locum has: a member per service of the API, and errors by reason. */
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import type { LocumError } from '../../shared/errors.ts';
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
import { fromConnectError } from '../../shared/rpc/status-details.ts';

/** How long one call may take with all its repetitions, where nobody says how long. */
export const CALL_TIMEOUT_MS = 10_000;

/** A client of each service of the API. */
export interface Services {
  readonly policies: Client<typeof PolicyService>;
  readonly runs: Client<typeof RunService>;
  readonly servers: Client<typeof ServerService>;
  readonly pools: Client<typeof PoolService>;
  readonly events: Client<typeof EventService>;
  readonly fences: Client<typeof FenceService>;
  readonly cluster: Client<typeof ClusterService>;
  readonly audit: Client<typeof AuditService>;
  readonly access: Client<typeof AccessService>;
  readonly enrolment: Client<typeof EnrolmentService>;
  readonly hooks: Client<typeof HookService>;
}

/** Over a transport of Connect as it is: nothing is repeated, and no other address is tried. */
export const servicesOver = (transport: Transport): Services => ({
  policies: createClient(PolicyService, transport),
  runs: createClient(RunService, transport),
  servers: createClient(ServerService, transport),
  pools: createClient(PoolService, transport),
  events: createClient(EventService, transport),
  fences: createClient(FenceService, transport),
  cluster: createClient(ClusterService, transport),
  audit: createClient(AuditService, transport),
  access: createClient(AccessService, transport),
  enrolment: createClient(EnrolmentService, transport),
  hooks: createClient(HookService, transport),
});

/**
 * Calls take `{ signal, timeoutMs }` as their second argument. A change gets a `request_id` and is repeated with it after any lost answer,
 * so it happens once.
 */
export interface Locum extends Services {
  /** Ends open streams and connections, so that nothing keeps the process. */
  readonly close: () => void;
}

/**
 * What a controller answered instead of doing it: `reason` (docs/errors.md), `fieldViolations`, `resource`, `retryAfterMs`. Undefined for
 * anything else, such as nobody there (UnreachableError), time that ran out, or a reason that only a newer Locum knows.
 */
export function errorOf(error: unknown): LocumError | undefined {
  return fromConnectError(error);
}
