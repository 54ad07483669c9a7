/** The API listener: all services for people and their tools, with reflection, health and plain pages, on one port. */
import type { ConnectRouter } from '@connectrpc/connect';
import { Health } from '../../shared/gen/grpc/health/v1/health_pb.ts';
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
import type { ListenAddress } from '../../shared/listen-address.ts';
import type { Logger } from '../../shared/log.ts';
import { createConnectHandler } from '../../shared/rpc/connect-handler.ts';
import { addHealth, type HealthTable } from '../../shared/rpc/health.ts';
import { type PlainRoutes, textPage } from '../../shared/rpc/plain-routes.ts';
import { addReflection } from '../../shared/rpc/reflection.ts';
import { type Listener, type ListenerTls, startListener } from '../../shared/rpc/single-port-listener.ts';
import { warmValidation } from '../../shared/rpc/validation.ts';
import { denialInterceptor, type Notes, noteWebDenial, readInterceptor } from '../access/access-audit.ts';
import type { ApiAccess } from '../access/access-parts.ts';
import type { ControllerMetrics } from '../metrics.ts';
import type { Forwarder } from '../replication/forwarder.ts';
import { markStale, READ_HEADER, STALE } from '../replication/stale-reads.ts';
import { accessService } from './access-service.ts';
import type { ApiContext } from './api-context.ts';
import { API_SERVICES } from './api-services.ts';
import { auditService } from './audit-service.ts';
import { clusterService } from './cluster-service.ts';
import { enrolmentService } from './enrolment-service.ts';
import { eventService } from './event-service.ts';
import { fenceService } from './fence-service.ts';
import { hookService } from './hook-service.ts';
import { policyService } from './policy-service.ts';
import { poolService } from './pool-service.ts';
import { runService } from './run-service.ts';
import { serverService } from './server-service.ts';

export interface ApiListenerOptions {
  readonly address: ListenAddress;
  /** See `ListenerOptions`. Default: none. */
  readonly allowedHosts?: readonly string[] | undefined;
  readonly api: ApiContext;
  /** What answers calls that ask for stale reads, while this controller does not lead. */
  readonly stale: ApiContext;
  readonly forwarder: Forwarder;
  readonly leads: () => boolean;
  readonly health: HealthTable;
  /** What happens in front of the core and belongs into the audit. */
  readonly notes: Notes;
  /** Who is let in. */
  readonly access: ApiAccess;
  readonly metrics: ControllerMetrics;
  readonly log: Logger;
  /** What this controller does, and whether calls to it are answered. */
  readonly readiness: () => { readonly ready: boolean; readonly words: string };
  /** Default: plaintext. */
  readonly tls?: ListenerTls | undefined;
  /** Ends watches and other long streams. */
  readonly shutdownSignal: AbortSignal;
}

/** @throws ListenError when the address can't be bound. */
export function startApiListener(options: ApiListenerOptions): Promise<Listener> {
  const { address, api, stale, forwarder, leads, health, notes, access, log, shutdownSignal } = options;
  warmValidation(API_SERVICES.flatMap(({ methods }) => methods.map(({ input }) => input)));
  const onDefect = (error: unknown): void => {
    log.error({ err: error }, 'a request failed for a defect of ours');
  };
  const common = { onDefect, shutdownSignal };
  const serve = createConnectHandler({
    ...common,
    routes: (router) => addApiServices(router, api, health),
    interceptors: [denialInterceptor(notes), forwarder.interceptor, access.recheck, readInterceptor(notes)],
  });
  const serveStale = createConnectHandler({
    ...common,
    routes: (router) => addApiServices(router, stale, health),
    interceptors: [denialInterceptor(notes), markStale, access.recheck, readInterceptor(notes)],
  });
  return startListener({
    ...address,
    allowedHosts: options.allowedHosts ?? [],
    handler: (request, response) => {
      // The leader's own answer is as good as a stale one, and better.
      const wantsStale = request.headers[READ_HEADER] === STALE && !leads();
      return wantsStale ? serveStale(request, response) : serve(request, response);
    },
    admitted: (handler) => access.admitted(handler, onDefect),
    routes: plainPages(options),
    // Who shows no certificate is asked for a token, if anybody is asked; and a host that joins has neither yet.
    tls: options.tls && { ...options.tls, admitsNobody: true },
    denied: (request, error) => noteWebDenial(notes, request, error),
    onDefect,
  });
}

/** All that the API listener serves. */
export function addApiServices(router: ConnectRouter, api: ApiContext, health: HealthTable): void {
  router
    .service(PoolService, poolService(api))
    .service(ServerService, serverService(api))
    .service(PolicyService, policyService(api))
    .service(RunService, runService(api))
    .service(EventService, eventService(api))
    .service(ClusterService, clusterService(api))
    .service(FenceService, fenceService(api))
    .service(AuditService, auditService(api))
    .service(AccessService, accessService(api))
    .service(EnrolmentService, enrolmentService(api))
    .service(HookService, hookService(api));
  addHealth(router, health);
  addReflection(router, [...API_SERVICES, Health]);
}

function plainPages({ metrics, readiness }: ApiListenerOptions): PlainRoutes {
  return {
    '/healthz': () => textPage('ok\n'),
    '/livez': () => textPage('ok\n'),
    '/readyz': () => {
      const { ready, words } = readiness();
      return textPage(`${words}\n`, ready ? 200 : 503);
    },
    '/metrics': async () => ({
      status: 200,
      contentType: metrics.registry.contentType,
      body: await metrics.registry.metrics(),
    }),
  };
}
