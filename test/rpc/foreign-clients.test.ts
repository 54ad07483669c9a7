/** The same port, asked by programs that others wrote. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { findProgram, run } from './foreign-client.ts';
import { startPoolListener } from './pool-listener.ts';

const SERVICES = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'locum.v1.PoolService',
];

function needs(ctx: TestContext, program: string): string {
  return findProgram(program) ?? ctx.skip(`${program} is not installed here (not in PATH)`);
}

describe('grpcurl', () => {
  it('lists the services', async (ctx) => {
    const { target } = await startPoolListener();
    const { code, stdout } = await run(needs(ctx, 'grpcurl'), ['-plaintext', target, 'list']);
    expect([code, stdout.trim().split('\n')]).toEqual([0, SERVICES]);
  });

  it.for(SERVICES)('describes %s', async (service, ctx) => {
    const { target } = await startPoolListener();
    const { code, stdout } = await run(needs(ctx, 'grpcurl'), ['-plaintext', target, 'describe', service]);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${service} is a service:`)]);
  });

  it('describes a message with the rules of its fields, and a method', async (ctx) => {
    const { target } = await startPoolListener();
    const program = needs(ctx, 'grpcurl');
    const message = await run(program, ['-plaintext', target, 'describe', '.locum.v1.GetPoolRequest']);
    expect(message.stdout).toMatch(/string name = 1 \[\s*\(\.buf\.validate\.field\) = \{\s*string: \{\s*pattern: /);
    const method = await run(program, ['-plaintext', target, 'describe', 'locum.v1.PoolService.GetPool']);
    const rpc = 'rpc GetPool ( .locum.v1.GetPoolRequest ) returns ( .locum.v1.GetPoolResponse )';
    expect(method.stdout).toContain(rpc);
    expect(method.stdout).toMatch(/option \(\.locum\.v1\.access\) = \{/);
  });

  it('calls a method, and a stream', async (ctx) => {
    const { target } = await startPoolListener();
    const program = needs(ctx, 'grpcurl');
    const one = await run(program, [
      '-plaintext',
      '-d',
      '{"name":"pools/default"}',
      target,
      'locum.v1.PoolService/GetPool',
    ]);
    expect(JSON.parse(one.stdout)).toEqual({ pool: { name: 'pools/default', defaultMaxSlots: 50 } });
    const many = await run(program, ['-plaintext', target, 'locum.v1.PoolService/WatchPools']);
    expect(many.stdout).toContain('"snapshotEnd": true');
  });

  it('prints our errors with their details', async (ctx) => {
    const { target } = await startPoolListener();
    const args = ['-plaintext', '-d', '{"name":"Pools/X"}', target, 'locum.v1.PoolService/GetPool'];
    const { code, stderr } = await run(needs(ctx, 'grpcurl'), args);
    expect(code).toBe(64 + 3);
    expect(stderr).toContain('"@type": "type.googleapis.com/google.rpc.ErrorInfo"');
    expect(stderr).toContain('"reason": "INVALID_FIELD"');
    expect(stderr).toContain('"field": "name"');
  });

  it('is told that 5 MiB are too many', async (ctx) => {
    const { target } = await startPoolListener();
    const args = ['-plaintext', '-d', '@', target, 'locum.v1.PoolService/GetPool'];
    const { stderr } = await run(needs(ctx, 'grpcurl'), args, JSON.stringify({ name: 'x'.repeat(5 * 1024 * 1024) }));
    expect(stderr).toContain('"reason": "MESSAGE_TOO_LARGE"');
  });

  it('is told of a method that is not there', async (ctx) => {
    const { target } = await startPoolListener();
    const { stderr } = await run(needs(ctx, 'grpcurl'), ['-plaintext', target, 'locum.v1.PoolService/GetPond']);
    expect(stderr).toContain('does not include a method named "GetPond"');
  });

  it('checks health', async (ctx) => {
    const { target, health } = await startPoolListener();
    health.setAll('SERVING');
    const { stdout } = await run(needs(ctx, 'grpcurl'), ['-plaintext', target, 'grpc.health.v1.Health/Check']);
    expect(JSON.parse(stdout)).toEqual({ status: 'SERVING' });
  });
});

describe.each(['grpc', 'grpcweb', 'connect'])('buf curl over %s', (protocol) => {
  // With reflection, which is a stream in both directions, HTTP/2 is a must; buf is a tool of this project, so it is there.
  const flags = ['curl', '--http2-prior-knowledge', '--protocol', protocol];

  it('calls a method that it knows by reflection', async (ctx) => {
    const { url } = await startPoolListener();
    const args = [...flags, '-d', '{"name":"pools/default"}', `${url}/locum.v1.PoolService/GetPool`];
    const { code, stdout, stderr } = await run(needs(ctx, 'buf'), args);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({ pool: { name: 'pools/default', defaultMaxSlots: 50 } });
  });

  it('reads a stream to its end', async (ctx) => {
    const { url } = await startPoolListener();
    const args = [...flags, '-d', '{}', `${url}/locum.v1.PoolService/WatchPools`];
    const { code, stdout } = await run(needs(ctx, 'buf'), args);
    expect([code, stdout]).toEqual([0, expect.stringContaining('"snapshotEnd":')]);
  });

  it('is told that 5 MiB are too many', async (ctx) => {
    const { url } = await startPoolListener();
    const args = [...flags, '-d', '@-', `${url}/locum.v1.PoolService/GetPool`];
    const { stderr } = await run(needs(ctx, 'buf'), args, JSON.stringify({ name: 'x'.repeat(5 * 1024 * 1024) }));
    expect(stderr).toContain('resource_exhausted');
  });

  it('shows the code and the words of an error', async (ctx) => {
    const { url } = await startPoolListener();
    const args = [...flags, '-d', '{"name":"pools/nowhere"}', `${url}/locum.v1.PoolService/GetPool`];
    const { code, stderr } = await run(needs(ctx, 'buf'), args);
    expect(code).not.toBe(0);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'not_found', message: 'pools/nowhere does not exist' });
  });
});

describe('curl', () => {
  const json = ['-sS', '-H', 'content-type: application/json'];

  it.for(['--http1.1', '--http2', '--http2-prior-knowledge'])('calls a method with JSON and %s', async (flag, ctx) => {
    const { url } = await startPoolListener();
    const args = [...json, flag, '-d', '{"name":"pools/default"}', `${url}/locum.v1.PoolService/GetPool`];
    const { stdout } = await run(needs(ctx, 'curl'), args);
    expect(JSON.parse(stdout)).toEqual({ pool: { name: 'pools/default', defaultMaxSlots: 50 } });
  });

  it('is told which field it does not know', async (ctx) => {
    const { url } = await startPoolListener();
    const args = [...json, '-d', '{"nmae":"pools/default"}', `${url}/locum.v1.PoolService/GetPool`];
    const { stdout } = await run(needs(ctx, 'curl'), args);
    expect(stdout).toContain('key \\"nmae\\" is unknown');
  });

  it('is told that 5 MiB are too many, over HTTP/1.1 and HTTP/2', async (ctx) => {
    const folder = mkdtempSync(join(tmpdir(), 'locum-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'large.json');
    writeFileSync(file, JSON.stringify({ name: 'x'.repeat(5 * 1024 * 1024) }));
    const { url } = await startPoolListener();
    for (const flags of [
      ['--http1.1'],
      ['--http2-prior-knowledge'],
      ['--http1.1', '-H', 'transfer-encoding: chunked'],
    ]) {
      const args = [...json, ...flags, '--data-binary', `@${file}`, `${url}/locum.v1.PoolService/GetPool`];
      const { stdout } = await run(needs(ctx, 'curl'), args);
      expect(stdout, flags.join(' ')).toContain('"reason":"MESSAGE_TOO_LARGE"');
    }
  });
});

/** Debian's python3-grpcio belongs to the system's own interpreter, whatever else is called python3. */
describe('Python', () => {
  const script = `
import sys, grpc
channel = grpc.insecure_channel(sys.argv[1])
same = lambda b: b
call = channel.unary_unary('/locum.v1.PoolService/GetPool', request_serializer=same, response_deserializer=same)
print(call(b'\\x0a\\x0dpools/default', timeout=5))
try:
    call(b'\\x0a\\x0dpools/nowhere', timeout=5)
except grpc.RpcError as e:
    print(e.code().name, e.details(), any(k == 'grpc-status-details-bin' for k, _ in e.trailing_metadata()))
watch = channel.unary_stream('/locum.v1.PoolService/WatchPools', request_serializer=same, response_deserializer=same)
print(len(list(watch(b'', timeout=5))))
`;

  it('calls a method and a stream, and reads an error', async (ctx) => {
    const { target } = await startPoolListener();
    const found = await run('/usr/bin/python3', ['-c', 'import grpc']);
    if (found.code !== 0) ctx.skip('python3-grpcio is not installed here');
    const { stdout, stderr } = await run('/usr/bin/python3', ['-c', script, target]);
    expect([stderr, stdout.split('\n')]).toEqual([
      '',
      [expect.stringContaining('pools/default'), 'NOT_FOUND pools/nowhere does not exist True', '2', ''],
    ]);
  });
});
