import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { startPoolListener } from './pool-listener.ts';

const GET_POOL = '/locum.v1.PoolService/GetPool';

/** The head of a request with a body that is announced and never sent, over HTTP/1.1: the whole answer. */
async function answerWithoutBody(port: number, headers: readonly string[], path = GET_POOL): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  const all = ['content-type: application/json', 'content-length: 1000000', ...headers, 'connection: close'];
  socket.write(`POST ${path} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`);
  return text(socket);
}

/** The same over HTTP/2: the stream stays open on our side. */
async function headersOverHttp2(
  port: number,
  more: OutgoingHttpHeaders,
): Promise<{ headers: IncomingHttpHeaders; body: string }> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const defaults = { ':method': 'POST', ':path': GET_POOL, 'content-type': 'application/json' };
  const stream = session.request({ ...defaults, ...more }, { endStream: false });
  stream.on('error', () => undefined);
  const [headers] = await once(stream, 'response');
  const body = await text(stream);
  session.destroy();
  return { headers, body };
}

describe('a web page cannot drive the API', () => {
  it.each([
    ['whose name was made to point here', 'Host: rebound.example', [], 'HOST_NOT_ALLOWED'],
    ['of another origin', 'Host: 127.0.0.1:1', ['Origin: http://evil.example'], 'ORIGIN_NOT_ALLOWED'],
    ['without an origin of its own', 'Host: localhost', ['Origin: null'], 'ORIGIN_NOT_ALLOWED'],
  ])('over HTTP/1.1, %s: refused before its body has come', async (_which, host, more, reason) => {
    const { port } = await startPoolListener();
    for (const path of [GET_POOL, '/healthz', '/nothing']) {
      const answer = await answerWithoutBody(port, [host, ...more], path);
      expect(answer).toMatch(/^HTTP\/1\.1 403 /);
      expect(answer).toContain('"code":"permission_denied"');
      expect(answer).toContain(`"reason":"${reason}"`);
    }
  });

  it.each([
    [{ ':authority': 'rebound.example:7400' }, 'HOST_NOT_ALLOWED'],
    [{ host: 'rebound.example:7400' }, 'HOST_NOT_ALLOWED'],
    [{ origin: 'https://evil.example' }, 'ORIGIN_NOT_ALLOWED'],
  ])('over HTTP/2 with %j: refused before its body has come', async (headers, reason) => {
    const { port } = await startPoolListener();
    const answer = await headersOverHttp2(port, headers);
    expect(answer.headers[':status']).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'permission_denied', details: [{ debug: { reason } }] });
  });

  it.each(['application/grpc', 'application/grpc-web+proto', 'application/grpc-web-text'])(
    'and a caller by %s is told in its own form',
    async (contentType) => {
      const { port } = await startPoolListener();
      const { headers } = await headersOverHttp2(port, { 'content-type': contentType, origin: 'https://evil.example' });
      expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '7' });
      expect(Buffer.from(String(headers['grpc-status-details-bin']), 'base64').toString()).toContain(
        'ORIGIN_NOT_ALLOWED',
      );
    },
  );

  it('and who asks by 127.0.0.1, localhost, [::1] or a configured name is served', async () => {
    const { port } = await startPoolListener({ allowedHosts: ['locum.example'] });
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'locum.example']) {
      const { headers } = await headersOverHttp2(port, { ':method': 'GET', ':path': '/healthz', ':authority': host });
      expect([host, headers[':status']]).toEqual([host, 200]);
    }
    const proxied = { ':path': '/healthz', ':method': 'GET', origin: 'https://locum.example' };
    expect((await headersOverHttp2(port, proxied)).headers[':status']).toBe(200);
  });

  it('on a listener that is not loopback any Host is served, and no page of another origin', async () => {
    const { port } = await startPoolListener({ host: '0.0.0.0' });
    const page = { ':method': 'GET', ':path': '/healthz', ':authority': 'controller.example:7400' };
    expect((await headersOverHttp2(port, page)).headers[':status']).toBe(200);
    const foreign = { ...page, origin: 'http://controller.example:7400' };
    expect((await headersOverHttp2(port, foreign)).headers[':status']).toBe(403);
  });
});

describe('a web page of an allowed origin', () => {
  const asking = { ':method': 'OPTIONS', 'access-control-request-method': 'POST' };

  it('is told what it may send, with a token too, and no cookies', async () => {
    const { port } = await startPoolListener({ allowedHosts: ['locum.example'] });
    const { headers, body } = await headersOverHttp2(port, { ...asking, origin: 'https://locum.example' });
    expect([headers[':status'], body]).toEqual([204, '']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://locum.example',
      'access-control-allow-methods': 'POST, GET',
      'access-control-allow-headers': expect.stringMatching(/content-type.*connect-protocol-version.*authorization/i),
      vary: 'origin',
    });
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('may read answers and refusals', async () => {
    const { port } = await startPoolListener({ allowedHosts: ['locum.example'] });
    const origin = 'https://locum.example';
    for (const path of ['/healthz', '/nothing']) {
      const { headers } = await headersOverHttp2(port, { ':method': 'GET', ':path': path, origin });
      expect([path, headers['access-control-allow-origin']]).toEqual([path, origin]);
    }
  });

  it('is the only one: others are told nothing, and programs neither', async () => {
    const { port } = await startPoolListener({ allowedHosts: ['locum.example'] });
    const foreign = await headersOverHttp2(port, { ...asking, origin: 'https://evil.example' });
    const program = await headersOverHttp2(port, { ':method': 'GET', ':path': '/healthz' });
    expect([foreign.headers[':status'], program.headers[':status']]).toEqual([403, 200]);
    for (const { headers } of [foreign, program]) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});
