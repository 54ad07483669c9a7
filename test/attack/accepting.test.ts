/** Connections that come faster than they are taken. */
import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { callerAddressOf } from '../../shared/rpc/caller-address.ts';
import { startPoolListener } from '../rpc/pool-listener.ts';
import { connectAll } from './connect-all.ts';

/** More than Node's own 511, and far fewer than any system's own bound. */
const BURST = 800;
const PATIENCE_MS = 20_000;

const systemBound = (): number => {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  } catch {
    return 0;
  }
};

it('a burst of connections makes nobody wait for a second try, also while this process does something else', async (ctx) => {
  if (systemBound() < 2 * BURST) return ctx.skip('the system lets no listener have so many connections ready');
  const { port, url } = await startPoolListener();
  const from = Array.from({ length: BURST }, (_, i) => `127.0.0.${2 + (i % 8)}`);
  expect(connectAll({ port, from })).toBe(BURST);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

it('somebody who comes behind all connections of another address is served before most of them, and they after him', async () => {
  const [healthy, flooding] = ['127.0.0.1', '127.0.0.2'];
  const order: string[] = [];
  const { port } = await startPoolListener({
    // By the pace alone the last of them would be served after an hour.
    limits: { connectionPace: { burst: 3, everyMs: 60_000 } },
    handler: (request, response) => {
      order.push(callerAddressOf(request));
      response.end();
    },
  });
  const text = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';
  const from = [...Array<string>(100).fill(flooding), healthy];
  expect(connectAll({ port, from, text })).toBe(from.length);
  await vi.waitFor(() => expect(order).toHaveLength(from.length), PATIENCE_MS);
  expect(order.indexOf(healthy)).toBeLessThan(20);
});

it('what waits to be begun is ended with its listener', async () => {
  const listener = await startPoolListener({ limits: { connectionPace: { burst: 3, everyMs: 60_000 } } });
  expect(connectAll({ port: listener.port, from: Array<string>(20).fill('127.0.0.2') })).toBe(20);
  await listener.close(PATIENCE_MS);
});
