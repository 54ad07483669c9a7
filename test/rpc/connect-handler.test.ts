import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { Code, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { describe, expect, it } from 'vitest';
import type { LocumError } from '../../shared/errors.ts';
import { Health } from '../../shared/gen/grpc/health/v1/health_pb.ts';
import { PoolService, SetServerOrderRequestSchema } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { type PoolListener, startPoolListener } from './pool-listener.ts';

const transports: ReadonlyArray<readonly [string, (baseUrl: string) => Transport]> = [
  ['gRPC', (baseUrl) => createGrpcTransport({ baseUrl })],
  ['gRPC-Web over HTTP/1.1', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
  ['Connect over HTTP/1.1', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
  [
    'Connect JSON over HTTP/2',
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: false }),
  ],
];

/** What a call fails with, as the error it was made from. */
async function failure(call: Promise<unknown>): Promise<LocumError | undefined> {
  try {
    await call;
  } catch (error) {
    return fromConnectError(error);
  }
  return undefined;
}

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const message of messages) found.push(message);
  return found;
}

describe.each(transports)('over %s', (_name, transport) => {
  it('a call is answered', async () => {
    const { url } = await startPoolListener();
    const { pool } = await createClient(PoolService, transport(url)).getPool({ name: 'pools/default' });
    expect(pool).toMatchObject({ name: 'pools/default', defaultMaxSlots: 50 });
  });

  it('a stream is answered, and ends', async () => {
    const { url } = await startPoolListener();
    const answers = await collect(createClient(PoolService, transport(url)).watchPools({ revision: 1n }));
    expect(answers.map(({ change, snapshotEnd }) => [change.case, snapshotEnd])).toEqual([
      ['pool', false],
      [undefined, true],
    ]);
  });

  it('an error keeps its reason, resource and advice', async () => {
    const { url } = await startPoolListener();
    const client = createClient(PoolService, transport(url));
    expect(await failure(client.getPool({ name: 'pools/nowhere' }))).toMatchObject({
      reason: 'NOT_FOUND',
      code: 'NOT_FOUND',
      message: 'pools/nowhere does not exist',
      resource: 'pools/nowhere',
    });
    expect(await failure(client.getPool({ name: 'pools/full' }))).toMatchObject({
      reason: 'STORE_FULL',
      code: 'RESOURCE_EXHAUSTED',
      retryAfterMs: 1_500,
    });
  });

  it('an error in the middle of a stream does, too', async () => {
    const { url } = await startPoolListener();
    const answers = createClient(PoolService, transport(url)).watchPools({ revision: 7n });
    expect(await failure(collect(answers))).toMatchObject({ reason: 'REVISION_TOO_OLD', code: 'OUT_OF_RANGE' });
  });

  it('a defect says nothing about the inside, and is reported', async () => {
    const { url, defects } = await startPoolListener();
    const client = createClient(PoolService, transport(url));
    const answers = await Promise.all([
      failure(client.getPool({ name: 'pools/broken' })),
      failure(collect(client.watchPools({ revision: 8n }))),
    ]);
    expect(answers).toMatchObject([{ reason: 'INTERNAL' }, { reason: 'INTERNAL' }]);
    expect(answers.map((error) => error?.message).join()).not.toContain('secret');
    expect(defects.map(({ method }) => method).sort()).toEqual(['GetPool', 'WatchPools']);
    expect(defects.map(({ error }) => String(error))).toEqual(Array(2).fill('TypeError: secret inside'));
  });

  it('a broken rule names its field', async () => {
    const { url } = await startPoolListener();
    const client = createClient(PoolService, transport(url));
    const servers = ['servers/web-1', 'Web 2'];
    expect(await failure(client.setServerOrder({ pool: 'pools/default', servers }))).toMatchObject({
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fieldViolations: [{ field: 'servers[1]' }],
    });
  });

  it('a message over the limit is refused as such', async () => {
    const { url } = await startPoolListener({ requestLimitBytes: 10_000 });
    const client = createClient(PoolService, transport(url));
    const tooMany = create(SetServerOrderRequestSchema, {
      pool: 'pools/default',
      servers: Array.from({ length: 2_000 }, (_, i) => `servers/s-${i}`),
    });
    expect(await failure(client.setServerOrder(tooMany))).toMatchObject({
      reason: 'MESSAGE_TOO_LARGE',
      code: 'RESOURCE_EXHAUSTED',
    });
  });

  it('a method that has no handler, and a service that is not served, are unimplemented', async () => {
    const { url } = await startPoolListener();
    const answers = await Promise.all([
      failure(createClient(PoolService, transport(url)).deletePool({ name: 'pools/default' })),
      failure(createClient(RunService, transport(url)).getRun({ name: 'runs/a-1' })),
    ]);
    expect(answers).toMatchObject([{ reason: 'UNIMPLEMENTED' }, { reason: 'UNIMPLEMENTED' }]);
  });

  it('a client that gives up ends the handler, and that is no defect', async () => {
    const listener = await startPoolListener();
    const client = createClient(PoolService, transport(listener.url));
    // Leaving the loop alone does not end the call: connect-es wants the signal.
    const controller = new AbortController();
    const watch = async (): Promise<void> => {
      for await (const { snapshotEnd } of client.watchPools({ revision: 9n }, { signal: controller.signal })) {
        if (snapshotEnd) controller.abort(`${listener.openWatches()} open`);
      }
    };
    await expect(watch()).rejects.toMatchObject({ code: Code.Canceled, rawMessage: '1 open' });
    await expect.poll(() => listener.openWatches()).toBe(0);
    expect(listener.defects).toEqual([]);
  });

  it('a deadline that passes is told as such, and is no defect', async () => {
    const { url, defects } = await startPoolListener();
    const client = createClient(PoolService, transport(url));
    const watch = collect(client.watchPools({ revision: 9n }, { timeoutMs: 50 }));
    await expect(watch).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    expect(defects).toEqual([]);
  });
});

interface ConnectFailure {
  readonly code: string;
  readonly message: string;
  readonly details: ReadonlyArray<{ readonly type: string; readonly debug: Readonly<Record<string, unknown>> }>;
}

async function post(
  { url }: PoolListener,
  method: string,
  body: string | Uint8Array<ArrayBuffer>,
  type = 'application/json',
) {
  const headers = { 'content-type': type };
  const response = await fetch(`${url}/locum.v1.PoolService/${method}`, { method: 'POST', headers, body });
  const answer: ConnectFailure = JSON.parse(await response.text());
  return { status: response.status, ...answer };
}

describe('input that is no message', () => {
  it.each([
    ['an unknown field', '{"name":"pools/default","nmae":"x"}', 'key "nmae" is unknown'],
    ['a value of the wrong kind', '{"name":7}', 'name'],
    ['no JSON', '{"name"', ''],
  ])('%s is refused, in words', async (_what, body, words) => {
    const answer = await post(await startPoolListener(), 'GetPool', body);
    expect([answer.status, answer.code]).toEqual([400, 'invalid_argument']);
    expect(answer.message).toContain(words);
    expect(answer.details.map(({ type }) => type)).toEqual(['google.rpc.ErrorInfo', 'google.rpc.BadRequest']);
    expect(answer.details[0]?.debug).toMatchObject({ reason: 'INVALID_FIELD', domain: 'locum' });
  });

  it('bytes that are no message are the sender’s mistake, not ours', async () => {
    const listener = await startPoolListener();
    const answer = await post(listener, 'GetPool', new Uint8Array([0xff, 0xff, 0xff]), 'application/proto');
    expect([answer.status, answer.code]).toEqual([400, 'invalid_argument']);
    expect(answer.details[0]?.debug).toMatchObject({ reason: 'INVALID_FIELD' });
    expect(listener.defects).toEqual([]);
  });

  it('a compressed body is refused as not supported', async () => {
    const { url } = await startPoolListener();
    const headers = { 'content-type': 'application/json', 'content-encoding': 'br' };
    const body = 'rubbish';
    const response = await fetch(`${url}/locum.v1.PoolService/GetPool`, { method: 'POST', headers, body });
    expect([response.status, await response.json()]).toMatchObject([501, { code: 'unimplemented' }]);
  });

  it('a message that is compressed without a word in the headers is the sender’s mistake, too', async () => {
    const listener = await startPoolListener();
    const response = await fetch(`${listener.url}/locum.v1.PoolService/GetPool`, {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web+proto' },
      body: new Uint8Array([1, 0, 0, 0, 2, 0x1f, 0x8b]),
    });
    expect(response.headers.get('grpc-status') ?? (await response.text())).toMatch(/^3$|grpc-status: 3\r\n/);
    expect(listener.defects).toEqual([]);
  });

  it('a body of unknown length over the limit gets its answer before the connection ends', async () => {
    const { port } = await startPoolListener({ requestLimitBytes: 1_000 });
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    const head = 'POST /locum.v1.PoolService/GetPool HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n';
    const chunk = `${(2_000).toString(16)}\r\n${'x'.repeat(2_000)}\r\n`;
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n${chunk}`);
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    while (!answer.includes('MESSAGE_TOO_LARGE')) await once(socket, 'data');
    expect(answer).toMatch(/^HTTP\/1\.1 429 /);
    socket.destroy();
  });
});

describe('a call that is made the wrong way', () => {
  const call = async (init: RequestInit, path = '/locum.v1.PoolService/ListPools'): Promise<[number, string]> => {
    const { url } = await startPoolListener();
    const response = await fetch(`${url}${path}`, init);
    return [response.status, await response.text()];
  };

  it('is told how to make it', async () => {
    expect(await call({})).toEqual([405, 'Methods are called by POST.\n']);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await call({ method: 'POST', body: '{}', headers: form })).toEqual([
      415,
      expect.stringContaining("-H 'content-type: application/json'"),
    ]);
    const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const json = { 'content-type': 'application/connect+json' };
    expect(await call({ method: 'POST', body: '', headers: json }, reflection)).toEqual([
      505,
      'A stream in both directions needs HTTP/2.\n',
    ]);
  });
});

describe('a path that is no method', () => {
  it('is named in the protocol of whoever asked', async () => {
    const { url } = await startPoolListener();
    const page = await fetch(`${url}/index.html?x=1`);
    expect([page.status, await page.json()]).toMatchObject([
      404,
      { code: 'unimplemented', details: [{ debug: { reason: 'UNIMPLEMENTED', domain: 'locum' } }] },
    ]);
    const session = connectHttp2(url);
    const stream = session.request({ ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc+proto' });
    const [headers] = await once(stream, 'response');
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '12', 'content-type': 'application/grpc+proto' });
    session.destroy();
  });
});

describe('health', () => {
  it('is checked for the process, for a service, and for one that is not there', async () => {
    const { url, health } = await startPoolListener();
    const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
    health.set('locum.v1.PoolService', 'SERVING');
    expect((await client.check({})).status).toBe(2);
    expect((await client.check({ service: 'locum.v1.PoolService' })).status).toBe(1);
    expect(await failure(client.check({ service: 'a.B' }))).toMatchObject({ code: 'NOT_FOUND' });
    const { statuses } = await client.list({});
    expect(Object.entries(statuses).map(([name, { status }]) => [name, status])).toEqual([
      ['locum.v1.PoolService', 1],
      ['', 2],
    ]);
  });

  it('is watched: the status now, then each change', async () => {
    const { url, health } = await startPoolListener();
    const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const seen: number[] = [];
    for await (const { status } of client.watch({})) {
      seen.push(status);
      if (seen.length === 3) break;
      health.setAll(seen.length === 1 ? 'SERVING' : 'NOT_SERVING');
    }
    expect(seen).toEqual([2, 1, 2]);
  });

  it('of an unknown service is watched until there is one', async () => {
    const { url, health } = await startPoolListener();
    const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const seen: number[] = [];
    for await (const { status } of client.watch({ service: 'a.B' })) {
      seen.push(status);
      if (seen.length === 2) break;
      health.set('a.B', 'SERVING');
    }
    expect(seen).toEqual([3, 1]);
  });
});
