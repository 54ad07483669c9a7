/** A real listener with a small PoolService behind it: made-up pools, no core, no store. For tests of the wire. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DescMethod } from '@bufbuild/protobuf';
import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { onTestFinished } from 'vitest';
import { LocumError, notFound } from '../../shared/errors.ts';
import { Health } from '../../shared/gen/grpc/health/v1/health_pb.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { createConnectHandler } from '../../shared/rpc/connect-handler.ts';
import { addHealth, HealthTable } from '../../shared/rpc/health.ts';
import { textPage } from '../../shared/rpc/plain-routes.ts';
import { addReflection } from '../../shared/rpc/reflection.ts';
import { type Listener, type ListenerOptions, startListener } from '../../shared/rpc/single-port-listener.ts';

export interface PoolListener extends Listener {
  readonly url: string;
  /** `127.0.0.1:1234`. */
  readonly target: string;
  readonly health: HealthTable;
  /** Watches whose handler has not ended. */
  readonly openWatches: () => number;
  /** What the handlers failed with, and where. */
  readonly defects: ReadonlyArray<{ readonly error: unknown; readonly method: string }>;
}

function poolHandlers(watches: Set<object>): Partial<ServiceImpl<typeof PoolService>> {
  return {
    getPool({ name }) {
      if (name === 'pools/broken') throw new TypeError('secret inside');
      if (name === 'pools/full') throw new LocumError('STORE_FULL', 'the store has no space', { retryAfterMs: 1_500 });
      if (name !== 'pools/default') throw notFound(name);
      return { pool: { name, defaultMaxSlots: 50 } };
    },
    listPools: () => ({ pools: [{ name: 'pools/default' }] }),
    setServerOrder({ pool, servers }) {
      return { order: { pool, servers } };
    },
    async *watchPools({ revision }, { signal }) {
      yield { revision: revision + 1n, change: { case: 'pool' as const, value: { name: 'pools/default' } } };
      if (revision === 7n)
        throw new LocumError('REVISION_TOO_OLD', 'revision 7 is no longer kept: start with a snapshot');
      if (revision === 8n) throw new TypeError('secret inside');
      watches.add(signal);
      try {
        // Says what the signal says, as waiting for anything does.
        if (revision === 10n) {
          yield { revision, snapshotEnd: true };
          await sleep(3_600_000, undefined, { signal });
        }
        yield { revision: revision + 1n, snapshotEnd: true };
        if (revision === 9n && !signal.aborted) await once(signal, 'abort');
      } finally {
        watches.delete(signal);
      }
    },
  };
}

/** Starts it on a free port; it ends with the test. */
export async function startPoolListener(
  options: Partial<ListenerOptions> & { readonly requestLimitBytes?: number } = {},
): Promise<PoolListener> {
  const { requestLimitBytes, ...listenerOptions } = options;
  const defects: { error: unknown; method: string }[] = [];
  const watches = new Set<object>();
  const health = new HealthTable([PoolService]);
  const handler = createConnectHandler({
    routes(router: ConnectRouter) {
      router.service(PoolService, poolHandlers(watches));
      addHealth(router, health);
      addReflection(router, [PoolService, Health]);
    },
    onDefect: (error: unknown, method: DescMethod) => defects.push({ error, method: method.name }),
    ...(requestLimitBytes === undefined ? {} : { requestLimitBytes }),
  });
  const routes = {
    '/healthz': () => textPage('ok\n'),
    '/broken': () => Promise.reject(new Error('no page')),
  };
  const listener = await startListener({ host: '127.0.0.1', port: 0, handler, routes, ...listenerOptions });
  onTestFinished(() => listener.close(0));
  const target = `127.0.0.1:${listener.port}`;
  return { ...listener, target, url: `http://${target}`, health, openWatches: () => watches.size, defects };
}
