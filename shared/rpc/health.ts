/** grpc.health.v1 for the API listener: Check, Watch and List over one small table of statuses. */
import { EventEmitter, once } from 'node:events';
import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { LocumError } from '../errors.ts';
import { Health, HealthCheckResponse_ServingStatus as Serving } from '../gen/grpc/health/v1/health_pb.ts';

export type HealthStatus = 'SERVING' | 'NOT_SERVING';

/** Watches open at once over all clients; each one holds a little memory for as long as it likes. */
const MAX_WATCHES = 1_000;

/** The statuses of this process. The empty name is the process as a whole. */
export class HealthTable {
  readonly #statuses = new Map<string, HealthStatus>();
  #watches = 0;
  readonly #changes = new EventEmitter().setMaxListeners(MAX_WATCHES);

  /** All of them start as NOT_SERVING. */
  constructor(services: readonly DescService[]) {
    for (const { typeName } of services) this.#statuses.set(typeName, 'NOT_SERVING');
    this.#statuses.set('', 'NOT_SERVING');
  }

  /** Sets one service, by its full name, or the whole process (empty name). */
  set(service: string, status: HealthStatus): void {
    if (this.#statuses.get(service) === status) return;
    this.#statuses.set(service, status);
    this.#changes.emit('change');
  }

  setAll(status: HealthStatus): void {
    for (const service of this.#statuses.keys()) this.set(service, status);
  }

  get(service: string): HealthStatus | undefined {
    return this.#statuses.get(service);
  }

  entries(): ReadonlyArray<readonly [service: string, status: HealthStatus]> {
    return [...this.#statuses];
  }

  /** The status now and after each change, until the signal; undefined while there is no such service. */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<HealthStatus | undefined> {
    if (this.#watches >= MAX_WATCHES) {
      throw new LocumError('OVERLOADED', `${MAX_WATCHES} health watches are open; close some, or use Check`);
    }
    this.#watches += 1;
    try {
      let last = this.get(service);
      yield last;
      while (!signal.aborted) {
        const now = this.get(service);
        if (now === last) {
          await once(this.#changes, 'change', { signal });
        } else {
          last = now;
          yield now;
        }
      }
    } finally {
      this.#watches -= 1;
    }
  }
}

const numbers = { SERVING: Serving.SERVING, NOT_SERVING: Serving.NOT_SERVING } as const;

/** Adds the health service to a router. */
export function addHealth(router: ConnectRouter, table: HealthTable): void {
  router.service(Health, {
    check({ service }) {
      const status = table.get(service);
      if (status === undefined) throw new LocumError('NOT_FOUND', `service "${service}" is not known here`);
      return { status: numbers[status] };
    },
    async *watch({ service }, { signal }) {
      for await (const status of table.watch(service, signal)) {
        yield { status: status === undefined ? Serving.SERVICE_UNKNOWN : numbers[status] };
      }
    },
    list() {
      return {
        statuses: Object.fromEntries(
          table.entries().map(([service, status]) => [service, { status: numbers[status] }]),
        ),
      };
    },
  });
}
