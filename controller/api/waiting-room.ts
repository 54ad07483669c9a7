/**
 * Until the store is there: a controller whose etcd does not answer yet, or whose store is full, waits for it, says so, and shows itself
 * as alive and not ready at the address where its API is going to be.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LocumError } from '../../shared/errors.ts';
import { Health } from '../../shared/gen/grpc/health/v1/health_pb.ts';
import type { ListenAddress } from '../../shared/listen-address.ts';
import type { Logger } from '../../shared/log.ts';
import { createConnectHandler } from '../../shared/rpc/connect-handler.ts';
import { addHealth, HealthTable } from '../../shared/rpc/health.ts';
import { textPage } from '../../shared/rpc/plain-routes.ts';
import { type Listener, type ListenerTls, startListener } from '../../shared/rpc/single-port-listener.ts';
import { type Store, StoreError } from '../store/store.ts';
import { API_SERVICES } from './api-services.ts';

export interface WaitingRoomOptions {
  /** Opens the store. @throws StoreError */
  readonly open: () => Promise<Store>;
  /** Where it shows itself. Undefined: nowhere. */
  readonly address: ListenAddress | undefined;
  /** For the time of the wait. Default: plaintext. */
  readonly tls?: (() => Promise<ListenerTls>) | undefined;
  /** See `ListenerOptions`. Default: none. */
  readonly allowedHosts?: readonly string[] | undefined;
  readonly log: Logger;
  /** Gives up. */
  readonly signal: AbortSignal;
  /** Between two tries. Default 1 s. */
  readonly retryMs?: number;
}

const RETRY_MS = 1_000;
/** The log says again how it is, so often. */
const REMIND_MS = 30_000;

/** @throws StoreError when more waiting won't mend it; ListenError; the reason of the signal */
export async function storeWhenThere(options: WaitingRoomOptions): Promise<Store> {
  try {
    return await options.open();
  } catch (error) {
    if (!passes(error)) throw error;
    return waitForStore(options, error);
  }
}

async function waitForStore(options: WaitingRoomOptions, first: Error): Promise<Store> {
  const { open, log, signal, retryMs } = options;
  let problem = first.message;
  const room = await openRoom(options, () => problem);
  const sinceMs = performance.now();
  let toldMs = Number.NEGATIVE_INFINITY;
  try {
    for (;;) {
      if (performance.now() - toldMs >= REMIND_MS) {
        toldMs = performance.now();
        log.warn(`waiting for the store: ${problem}`);
      }
      await sleep(retryMs ?? RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      try {
        const store = await open();
        log.info(`the store is there, after ${Math.round((performance.now() - sinceMs) / 1000)} s`);
        return store;
      } catch (error) {
        if (!passes(error)) throw error;
        problem = error.message;
      }
    }
  } finally {
    await room?.close(0);
  }
}

const passes = (error: unknown): error is StoreError => error instanceof StoreError && error.passes;

async function openRoom(options: WaitingRoomOptions, problem: () => string): Promise<Listener | undefined> {
  const { address, tls, allowedHosts = [], log } = options;
  if (address === undefined) return undefined;
  const refuse = (): never => {
    throw new LocumError('STORE_UNAVAILABLE', `this controller waits for its store: ${problem()}`, {
      retryAfterMs: 1_000,
    });
  };
  const onDefect = (error: unknown): void => log.debug({ err: error }, 'a request failed while there is no store');
  const handler = createConnectHandler({
    onDefect,
    routes: (router) => {
      for (const service of API_SERVICES) router.service(service, {});
      addHealth(router, new HealthTable(API_SERVICES));
    },
    interceptors: [(next) => (request) => (request.service.typeName === Health.typeName ? next(request) : refuse())],
  });
  const routes = {
    '/healthz': () => textPage('ok\n'),
    '/livez': () => textPage('ok\n'),
    '/readyz': () => textPage(`no store: ${problem()}\n`, 503),
  };
  return startListener({ ...address, allowedHosts, handler, routes, onDefect, tls: await tls?.() });
}
