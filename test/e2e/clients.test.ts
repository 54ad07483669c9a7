import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DescMethod } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { findProgram } from '../rpc/foreign-client.ts';
import { useCluster } from './cluster-fixture.ts';
import { type Example, examples, methodNamed, nameOf, services } from './every-method.ts';
import { ROOT } from './locum-command.ts';

const TEST_TIMEOUT_MS = 60_000;
const STREAM_MS = 50_000;

/** What a client got: the first answer, or the reason of a refusal. */
interface Outcome {
  readonly method: string;
  readonly refused?: string;
}

const expected = (all: readonly Example[]): Outcome[] =>
  all.map(({ method, refused }) => ({ method, ...(refused === undefined ? {} : { refused }) }));

function reasonIn(error: unknown): string {
  const found = /"reason":\s*"([A-Z_]+)"/.exec(JSON.stringify(error));
  return found?.[1] ?? `no reason in ${JSON.stringify(error)}`;
}

async function callUnary(address: string, { parent, name }: DescMethod, request: object): Promise<string | undefined> {
  const response = await fetch(`http://${address}/${parent.typeName}/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  const body: unknown = await response.json();
  return response.ok ? undefined : reasonOfDetails(body);
}

/** Connect puts details into an error as base64 with a readable copy beside it, where the server knows their type. */
function reasonOfDetails(body: unknown): string {
  const details: unknown = Reflect.get(Object(body), 'details');
  for (const detail of Array.isArray(details) ? details : []) {
    if (Reflect.get(Object(detail), 'type') !== 'google.rpc.ErrorInfo') continue;
    const bytes = Buffer.from(String(Reflect.get(Object(detail), 'value')), 'base64').toString('latin1');
    return /[A-Z][A-Z_]{3,}/.exec(bytes)?.[0] ?? '';
  }
  return reasonIn(body);
}

/** A stream in Connect's JSON form: each message has a byte of flags and its length in front. Reads the first one. */
async function callStream(address: string, { parent, name }: DescMethod, request: object): Promise<string | undefined> {
  const payload = Buffer.from(JSON.stringify(request));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length, 1);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error(`${name} sent nothing`)), STREAM_MS);
  try {
    const response = await fetch(`http://${address}/${parent.typeName}/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/connect+json' },
      body: Buffer.concat([head, payload]),
      signal: abort.signal,
    });
    const reader = response.body?.getReader();
    let read = Buffer.alloc(0);
    while (read.length < 5 || read.length < 5 + read.readUInt32BE(1)) {
      const next = await reader?.read();
      if (next === undefined || next.done) throw new Error(`${name} ended early: ${read.toString()}`);
      read = Buffer.concat([read, next.value]);
    }
    const message: unknown = JSON.parse(read.subarray(5, 5 + read.readUInt32BE(1)).toString());
    await reader?.cancel();
    return Reflect.has(Object(message), 'error') ? reasonOfDetails(Reflect.get(Object(message), 'error')) : undefined;
  } finally {
    clearTimeout(timer);
  }
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

async function run(program: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: STREAM_MS });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, output: out + err };
}

/** grpcurl writes a field mask as the message that it is, not in its JSON form. */
function asGrpcurl(request: object): string {
  const mask: unknown = Reflect.get(request, 'updateMask');
  if (typeof mask !== 'string') return JSON.stringify(request);
  const paths = [mask.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
  return JSON.stringify({ ...request, updateMask: { paths } });
}

describe('every method of the API', () => {
  const fixture = useCluster(['a', 'b']);

  async function steadyRun(): Promise<string> {
    const { apply, witness, running } = fixture();
    await apply(witness.policy('steady'));
    return (await running('steady', 'a')).run.name;
  }

  it('is in the list of examples, and no other', () => {
    const known = examples({ id: 'x', run: 'runs/x-1' }).map(({ method }) => method);
    expect(new Set(known)).toEqual(new Set(services.flatMap(({ methods }) => methods).map(nameOf)));
    expect(known).toHaveLength(new Set(known).size);
  });

  it('answers plain HTTP with JSON, as curl sends it', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster } = fixture();
    const all = examples({ id: 'by-json', run: await steadyRun() });
    const got: Outcome[] = [];
    for (const { method, request } of all) {
      const desc = methodNamed(method);
      const call = desc.methodKind === 'unary' ? callUnary : callStream;
      const refused = await call(cluster.address, desc, request);
      got.push({ method, ...(refused === undefined ? {} : { refused }) });
    }
    expect(got).toEqual(expected(all));
  });

  it('answers grpcurl, which knows it by reflection alone', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    if (findProgram('grpcurl') === undefined) ctx.skip('grpcurl is not on PATH');
    const { cluster } = fixture();
    const listed = await run('grpcurl', ['-plaintext', cluster.address, 'list']);
    for (const { typeName } of services) expect(listed.output).toContain(typeName);
    const described = await run('grpcurl', ['-plaintext', cluster.address, 'describe', 'locum.v1.Policy']);
    expect(described.output).toContain('max_concurrent_runs');
    const all = examples({ id: 'by-grpcurl', run: await steadyRun() });
    const got: Outcome[] = [];
    for (const { method, request } of all) {
      const stream = methodNamed(method).methodKind !== 'unary';
      const words = ['-plaintext', '-format-error', '-d', asGrpcurl(request), ...(stream ? ['-max-time', '0.7'] : [])];
      const { code, output } = await run('grpcurl', [...words, cluster.address, `locum.v1.${method}`]);
      // A stream that was read until time was up has answered, if anything came before.
      const isRead = stream && /^\{/.test(output) && output.includes('context deadline exceeded');
      const reason = /"reason":\s*"([A-Z_]+)"/.exec(output)?.[1] ?? output;
      got.push({ method, ...(code === 0 || isRead ? {} : { refused: reason }) });
    }
    expect(got).toEqual(expected(all));
  });

  it('answers buf curl over all three protocols', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster } = fixture();
    const buf = join(ROOT, 'node_modules/.bin/buf');
    for (const protocol of ['grpc', 'grpcweb', 'connect']) {
      const url = `http://${cluster.address}/locum.v1.ClusterService/GetStatus`;
      const { code, output } = await run(buf, [
        'curl',
        '--protocol',
        protocol,
        '--http2-prior-knowledge',
        '-d',
        '{}',
        url,
      ]);
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toContain('"store": "sqlite"');
    }
  });

  it('refuses what it does not know, with a reason', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster } = fixture();
    const post = async (path: string, body: string): Promise<{ status: number; body: unknown }> => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`http://${cluster.address}/${path}`, { method: 'POST', headers, body });
      return { status: response.status, body: await response.json().catch(() => undefined) };
    };
    const unknownField = await post('locum.v1.PolicyService/CreatePolicy', '{"policy":{"name":"policies/x","slot":2}}');
    expect(unknownField.status).toBe(400);
    expect(reasonOfDetails(unknownField.body)).toBe('INVALID_FIELD');
    expect(JSON.stringify(unknownField.body)).toContain('slot');
    const noJson = await post('locum.v1.PolicyService/CreatePolicy', '{"policy":');
    expect(noJson.status).toBe(400);
    const noMethod = await post('locum.v1.PolicyService/Nothing', '{}');
    expect(noMethod.status).toBe(404);
    const tooLong = await post(
      'locum.v1.PolicyService/GetPolicy',
      JSON.stringify({ name: 'x'.repeat(5 * 1024 * 1024) }),
    );
    expect(reasonOfDetails(tooLong.body)).toBe('MESSAGE_TOO_LARGE');
  });
});
