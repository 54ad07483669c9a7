/** Against servers on loopback: what never ends, ends here. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { getJson } from '../../../shared/oidc/bounded-json.ts';

async function serverOf(answer: RequestListener): Promise<URL> {
  const server = createServer(answer);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`);
}

const bounds = { timeoutMs: 200, limitBytes: 1_000 };

describe('a document of a provider', () => {
  it('is read whole, up to the limit', async () => {
    const text = JSON.stringify('x'.repeat(998));
    const url = await serverOf((_, response) => response.end(text));
    expect(await getJson({ url, ...bounds, timeoutMs: 20_000 })).toBe('x'.repeat(998));
    await expect(getJson({ url, ...bounds, timeoutMs: 20_000, limitBytes: 999 })).rejects.toThrow(
      'more than 999 bytes',
    );
  });

  it('has its time, whether nothing comes or a byte now and then', async () => {
    const silent = await serverOf(() => undefined);
    await expect(getJson({ url: silent, ...bounds })).rejects.toThrow('did not answer within 200 ms');
    const trickling = await serverOf((_, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(getJson({ url: trickling, ...bounds })).rejects.toThrow('did not answer within 200 ms');
  });

  it('that breaks off in the middle is none', async () => {
    const url = await serverOf((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"keys"', () => request.socket.destroy());
    });
    await expect(getJson({ url, ...bounds, timeoutMs: 20_000 })).rejects.toThrow('/keys');
  });
});
