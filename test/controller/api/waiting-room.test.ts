/** A controller whose store is not there yet. */
import { once } from 'node:events';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { waitingTls } from '../../../controller/access/waiting-tls.ts';
import { storeWhenThere } from '../../../controller/api/waiting-room.ts';
import { MemoryStore } from '../../../controller/store/memory.ts';
import { type Store, StoreError } from '../../../controller/store/store.ts';
import { Health, HealthCheckResponse_ServingStatus as Serving } from '../../../shared/gen/grpc/health/v1/health_pb.ts';
import { createLogger } from '../../../shared/log.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { clientsOf } from '../controller-world.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A store that can be opened once `there` is called. */
async function world(error: StoreError, tls?: typeof waitingTls) {
  const lines: string[] = [];
  const log = createLogger({ name: 'test', format: 'json', output: { write: (line) => void lines.push(line) } });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const port = await freePort();
  let problem: StoreError | undefined = error;
  const open = async (): Promise<Store> => {
    if (problem !== undefined) throw problem;
    return new MemoryStore();
  };
  const address = { host: '127.0.0.1', port };
  const opened = storeWhenThere({ open, address, tls, log, signal: stop.signal, retryMs: 20 });
  opened.catch(() => {});
  return { opened, lines, stop, address: `127.0.0.1:${port}`, there: () => (problem = undefined) };
}

const noAnswer = new StoreError('STORE_UNAVAILABLE', 'No answer. Is a majority of the members up?', { passes: true });
const full = new StoreError('STORE_FULL', 'no space on the disk');
const page = async (url: string) => {
  const answer = await fetch(url).catch(() => undefined);
  return answer === undefined ? undefined : [answer.status, await answer.text()];
};

describe('a controller whose store is not there yet', () => {
  it.each([
    ['an etcd that does not answer', noAnswer],
    ['a store that is full', full],
  ])('waits for %s, says so, is not ready, and goes on', async (_, error) => {
    const { opened, lines, address, there } = await world(error);
    await expect.poll(() => page(`http://${address}/readyz`)).toEqual([503, `no store: ${error.message}\n`]);
    expect(await page(`http://${address}/healthz`)).toEqual([200, 'ok\n']);
    expect(await page(`http://${address}/livez`)).toEqual([200, 'ok\n']);
    const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${address}` }));
    expect((await health.check({})).status).toBe(Serving.NOT_SERVING);
    const refused = await clientsOf(address)
      .policies.listPolicies({})
      .catch((caught: unknown) => fromConnectError(caught));
    expect(refused).toMatchObject({ reason: 'STORE_UNAVAILABLE', message: expect.stringContaining(error.message) });
    expect(lines.filter((line) => line.includes(`waiting for the store: ${error.message}`))).toHaveLength(1);
    there();
    expect((await opened).kind).toBe('memory');
    // The address is free for the API itself.
    expect(await page(`http://${address}/healthz`)).toBeUndefined();
    expect(lines.at(-1)).toContain('the store is there');
  });

  it('shows that by TLS too, before it knows its cluster, and to nobody who wants to see a certificate of that', async () => {
    const { opened, address, there } = await world(noAnswer, waitingTls);
    const by = (path: string, rejectUnauthorized: boolean) =>
      new Promise<unknown>((resolve) => {
        const asked = request(`https://${address}${path}`, { rejectUnauthorized, agent: false }, (answer) => {
          text(answer).then((body) => resolve([answer.statusCode, body]), resolve);
        });
        asked.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code)).end();
      });
    await expect.poll(() => by('/readyz', false)).toEqual([503, `no store: ${noAnswer.message}\n`]);
    expect(await by('/livez', false)).toEqual([200, 'ok\n']);
    expect(await by('/livez', true)).toBe('SELF_SIGNED_CERT_IN_CHAIN');
    there();
    expect((await opened).kind).toBe('memory');
  });

  it('gives up at a signal', async () => {
    const { opened, stop } = await world(noAnswer);
    stop.abort(new Error('SIGTERM'));
    await expect(opened).rejects.toThrow('SIGTERM');
  });

  it('does not wait for what waiting does not mend', async () => {
    const { opened } = await world(new StoreError('COPIED', 'a copy'));
    await expect(opened).rejects.toMatchObject({ reason: 'COPIED' });
  });
});
