/** What `npm run protos` gives to programs of other languages, used by the tools that they would use. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { Missing, provideGoPlugins } from '../sdk/toolchains.ts';
import { findProgram } from './foreign-client.ts';

const BIN = join(ROOT, 'node_modules/.bin');
const TIMEOUT_MS = 60_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function command(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Ended {
  const path = `${BIN}${delimiter}${process.env['PATH'] ?? ''}`;
  const options = {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    env: { ...process.env, PATH: path, ...env },
  } as const;
  const { status, stdout, stderr } = spawnSync(file, args, options);
  return { code: status, stdout, stderr };
}

const protos = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Ended =>
  command(process.execPath, ['scripts/protos.ts', ...args], { INIT_CWD: tmpdir(), ...env });

function needs(ctx: TestContext, ...programs: readonly string[]): void {
  for (const program of programs) if (findProgram(program) === undefined) ctx.skip(`${program} is not installed here`);
}

function goPlugins(ctx: TestContext): string {
  try {
    return provideGoPlugins();
  } catch (error) {
    if (error instanceof Missing) return ctx.skip(error.message);
    throw error;
  }
}

const OK = { code: 0, stderr: '' };

describe('the protos for other languages', () => {
  const fixture = useCluster([]);
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-protos-'));
    const { code, stderr } = protos(['export', join(folder, 'protos')]);
    if (code !== 0) throw new Error(stderr);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const exported = (): string[] =>
    readdirSync(join(folder, 'protos'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.proto'),
    );

  it('are all compiled by plain protoc, with nothing but the export', (ctx) => {
    needs(ctx, 'protoc');
    expect(exported()).toContain('buf/validate/validate.proto');
    expect(exported()).toContain('google/protobuf/timestamp.proto');
    const output = `--descriptor_set_out=${join(folder, 'by-protoc')}`;
    expect(command('protoc', ['-I', join(folder, 'protos'), output, ...exported()])).toMatchObject(OK);
  });

  it('are never mixed with an older export', () => {
    const again = protos(['export', join(folder, 'protos')]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is not empty') });
  });

  it('are a descriptor set by which grpcurl calls a controller', (ctx) => {
    needs(ctx, 'grpcurl');
    const file = join(folder, 'locum.protoset');
    expect(protos(['descriptors', file])).toMatchObject(OK);
    const method = 'locum.v1.PoolService/GetPool';
    const args = [
      '-plaintext',
      '-protoset',
      file,
      '-d',
      '{"name": "pools/default"}',
      fixture().cluster.address,
      method,
    ];
    const { code, stdout } = command('grpcurl', args);
    expect([code, JSON.parse(stdout)]).toEqual([0, { pool: expect.objectContaining({ name: 'pools/default' }) }]);
  });

  it('give Python a client that calls a controller, and reads the reason of an error', (ctx) => {
    needs(ctx, 'protoc', 'grpc_python_plugin');
    const python = '/usr/bin/python3';
    if (command(python, ['-c', 'import grpc, google.protobuf']).code !== 0)
      ctx.skip("Python's grpcio is not installed here");
    const made = command('buf', ['generate', '--template', 'sdk/buf.gen.python.yaml', '--output', folder]);
    expect(made).toMatchObject(OK);
    const program = `
import sys, grpc
from google.rpc import error_details_pb2, status_pb2
from locum.v1 import pool_service_pb2 as messages, pool_service_pb2_grpc as services
pools = services.PoolServiceStub(grpc.insecure_channel(sys.argv[1]))
print(pools.GetPool(messages.GetPoolRequest(name="pools/default")).pool.name)
try:
    pools.GetPool(messages.GetPoolRequest(name="pools/none"))
except grpc.RpcError as error:
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    print(any(detail.Unpack(info) for detail in status.details), info.domain, info.reason)
`;
    const env = { PYTHONPATH: join(folder, 'sdk/python/gen') };
    const { code, stdout, stderr } = command(python, ['-c', program, fixture().cluster.address], env);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'pools/default\nTrue locum NOT_FOUND\n', stderr: '' });
  });

  it('give Go a package under the name that go_package says', (ctx) => {
    const env = { PATH: [goPlugins(ctx), BIN, process.env['PATH'] ?? ''].join(delimiter) };
    const made = command('buf', ['generate', '--template', 'sdk/buf.gen.go.yaml', '--output', folder], env);
    expect(made).toMatchObject(OK);
    const service = readFileSync(join(folder, 'sdk/go/gen/locum/v1/pool_service_grpc.pb.go'), 'utf8');
    expect(service).toContain('\npackage locumv1\n');
  });
});

describe('npm run protos -- breaking', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-released-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A commit's tree whose pool.proto was changed, in a store of objects that is thrown away; and how to reach it. */
  function released(change: (text: string) => string): { readonly tree: string; readonly env: Record<string, string> } {
    const common = command('git', ['rev-parse', '--path-format=absolute', '--git-common-dir']).stdout.trim();
    const env = {
      GIT_OBJECT_DIRECTORY: join(folder, 'objects'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: join(common, 'objects'),
      GIT_INDEX_FILE: join(folder, 'index'),
    };
    mkdirSync(env.GIT_OBJECT_DIRECTORY, { recursive: true });
    const git = (...args: string[]): string => command('git', args, env).stdout.trim();
    const path = 'proto/locum/v1/pool.proto';
    const file = join(folder, 'pool.proto');
    writeFileSync(file, change(readFileSync(join(ROOT, path), 'utf8')));
    git('read-tree', '--empty');
    // As the files are, not as they were committed: others may be changed right now.
    git('add', 'proto/locum/v1');
    git('update-index', '--cacheinfo', `100644,${git('hash-object', '-w', file)},${path}`);
    return { tree: git('write-tree'), env };
  }

  it('finds nothing where a field was added since', (ctx) => {
    if (command('git', ['rev-parse']).code !== 0) ctx.skip('this is no git checkout');
    const { tree, env } = released((text) => text.replace(/\n[^\n]*update_time = [^\n]*\n/, '\n'));
    expect(protos(['breaking', tree], env)).toMatchObject(OK);
  });

  it('names the field that clients of that commit would miss', (ctx) => {
    if (command('git', ['rev-parse']).code !== 0) ctx.skip('this is no git checkout');
    const { tree, env } = released((text) => text.replace('message Pool {', 'message Pool {\n  string colour = 99;'));
    const { code, stdout } = protos(['breaking', tree], env);
    expect([code, stdout]).toEqual([1, expect.stringContaining('Previously present field "99" with name "colour"')]);
  });

  it('names what clients of the baseline would miss, until the baseline is moved on', (ctx) => {
    if (command('git', ['rev-parse']).code !== 0) ctx.skip('this is no git checkout');
    const file = join(folder, 'baseline.binpb.gz');
    const { tree, env } = released((text) => text.replace('message Pool {', 'message Pool {\n  string shape = 98;'));
    expect(protos(['baseline', tree, '--file', file], env)).toMatchObject(OK);
    const { code, stdout, stderr } = protos(['breaking', '--file', file]);
    expect([code, stdout]).toEqual([1, expect.stringContaining('Previously present field "98" with name "shape"')]);
    expect(stderr).toContain('npm run protos -- baseline moves');
    const moved = protos(['baseline', '--file', file]);
    expect(moved).toMatchObject({ code: 0, stdout: expect.stringContaining('field "98" with name "shape"') });
    expect(protos(['breaking', '--file', file])).toMatchObject(OK);
  });

  it('says so when there is no such commit', () => {
    const { code, stderr } = protos(['breaking', 'no-such-tag']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no-such-tag')]);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
