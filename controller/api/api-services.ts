/** All services of the API, and which permissions are of use when they are given for a part of the cluster. */

import { ruleOf } from '../../shared/access/method-access.ts';
import type { Permission } from '../../shared/access/permissions.ts';
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

/** What people call; agents have their own listener. */
export const API_SERVICES = [
  PoolService,
  ServerService,
  PolicyService,
  RunService,
  EventService,
  ClusterService,
  FenceService,
  AuditService,
  AccessService,
  EnrolmentService,
  HookService,
];

/** Whether anything that needs this permission can be done by whoever has it for a part only: for some pools, or some policies. */
export const reachesParts = (permission: Permission): boolean => OF_PARTS.has(permission);

const OF_PARTS: ReadonlySet<Permission> = new Set(
  API_SERVICES.flatMap(({ methods }) => methods.map(ruleOf)).flatMap((rule) =>
    rule?.kind === 'permission' && rule.reach === 'RESOURCES' ? [rule.permission] : [],
  ),
);
