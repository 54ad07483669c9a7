/** grpc.health.v1 on the agent listener, from the same table as on the API's. */
import { create } from '@bufbuild/protobuf';
import type * as grpc from '@grpc/grpc-js';
import { LocumError } from '../../shared/errors.ts';
import {
  Health,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../shared/gen/grpc/health/v1/health_pb.ts';
import { addService } from '../../shared/rpc/grpc-js-binding.ts';
import { toGrpcError } from '../../shared/rpc/grpc-status.ts';
import type { HealthStatus, HealthTable } from '../../shared/rpc/health.ts';

const numbers = { SERVING: Serving.SERVING, NOT_SERVING: Serving.NOT_SERVING } as const;

const answer = (status: HealthStatus | undefined) =>
  create(HealthCheckResponseSchema, { status: status === undefined ? Serving.SERVICE_UNKNOWN : numbers[status] });

export function addHealthService(server: grpc.Server, table: HealthTable): void {
  addService(server, Health, {
    check({ request: { service } }, callback) {
      const status = table.get(service);
      if (status !== undefined) return callback(null, answer(status));
      callback(toGrpcError(new LocumError('NOT_FOUND', `service "${service}" is not known here`)));
    },
    list(_, callback) {
      const statuses = Object.fromEntries(table.entries().map(([service, status]) => [service, answer(status)]));
      callback(null, create(HealthListResponseSchema, { statuses }));
    },
    watch(call) {
      const over = new AbortController();
      call.once('cancelled', () => over.abort());
      const send = async (): Promise<void> => {
        for await (const status of table.watch(call.request.service, over.signal)) call.write(answer(status));
      };
      send().then(
        () => call.end(),
        (error: unknown) => {
          if (!over.signal.aborted) call.emit('error', toGrpcError(error));
        },
      );
    },
  });
}
