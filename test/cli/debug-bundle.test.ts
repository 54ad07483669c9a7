import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tarOf } from '../../cli/debug/tar.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { runCaptured } from '../e2e/captured-command.ts';
import { type FakeApi, fakeApi } from './fake-api.ts';

let folder = '';
const apis: FakeApi[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-bundle-'));
});
afterEach(async () => {
  for (const api of apis.splice(0)) await api.close();
  rmSync(folder, { recursive: true });
});

async function controller(routes: Parameters<typeof fakeApi>[0]): Promise<FakeApi> {
  const api = await fakeApi(routes);
  apis.push(api);
  return api;
}

const fileIn = (bundle: string, name: string): string =>
  spawnSync('tar', ['-xzOf', bundle, '--wildcards', `*/${name}`], { encoding: 'utf8' }).stdout;

describe('a debug bundle', () => {
  it('is refused to who may not see how controllers are configured, and nothing is written', async () => {
    const { address } = await controller((router) => {
      router.service(ClusterService, {
        getDiagnostics: () => {
          throw new ConnectError('cluster.debug is not among your permissions', Code.PermissionDenied);
        },
      });
    });
    const { code, stderr } = await runCaptured(address, ['debug', 'bundle', join(folder, 'a.tar.gz')]);
    expect({ code, stderr }).toEqual({ code: EXIT.denied, stderr: expect.stringContaining('cluster.debug') });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('asks each controller itself, and says which does not answer and what else it is without', async () => {
    const asked: (string | null)[] = [];
    const follower = await controller((router) => {
      router.service(ClusterService, {
        getDiagnostics: (_, { requestHeader }) => {
          asked.push(requestHeader.get('x-locum-read'));
          return { controller: 'controllers/c2', metrics: 'locum_leader 0\n' };
        },
      });
    });
    const leader = await controller((router) => {
      router.service(ClusterService, {
        getDiagnostics: () => ({ controller: 'controllers/c1', metrics: 'locum_leader 1\n' }),
        getStatus: () => ({ leader: 'controllers/c1' }),
        listControllers: () => ({
          controllers: [
            { name: 'controllers/c1', apiEndpoint: '127.0.0.1:1' },
            { name: 'controllers/c2', apiEndpoint: follower.address },
            { name: 'controllers/c3', apiEndpoint: '127.0.0.1:1' },
            { name: 'controllers/../../c4', apiEndpoint: follower.address },
          ],
        }),
      });
    });
    const bundle = join(folder, 'a.tar.gz');
    const { code, stderr } = await runCaptured(leader.address, ['debug', 'bundle', bundle, '--timeout', '2s']);
    expect(code).toBe(0);
    expect(asked).toEqual(['stale', 'stale']);
    expect(fileIn(bundle, 'controllers/______c4/metrics.txt')).toBe('locum_leader 0\n');
    expect(fileIn(bundle, 'controllers/c1/metrics.txt')).toBe('locum_leader 1\n');
    expect(fileIn(bundle, 'controllers/c2/metrics.txt')).toBe('locum_leader 0\n');
    const missing: { file: string; because: string }[] = JSON.parse(fileIn(bundle, 'manifest.json')).missing;
    expect(missing.map(({ file }) => file)).toEqual(
      expect.arrayContaining(['servers.json', 'events.json', 'controllers/c3/diagnostics.json']),
    );
    expect(stderr).toMatch(/^warning: controllers\/c3\/diagnostics.json is not in it: can't reach a controller/m);
    const again = await runCaptured(leader.address, ['debug', 'bundle', bundle, '--timeout', '2s']);
    expect(again).toMatchObject({ code: EXIT.conflict, stderr: expect.stringContaining('is there already') });
    expect(readdirSync(folder)).toEqual(['a.tar.gz']);
  });
});

describe('its archive', () => {
  it('is read by tar, whatever sizes the files have', () => {
    const sizes = [0, 1, 511, 512, 513, 100_000];
    const files = sizes.map((size) => ({ name: `x/${size}`, data: Buffer.alloc(size, 'a') }));
    const { status, stderr } = spawnSync('tar', ['-xf', '-', '-C', folder], {
      input: tarOf(files, 1_700_000_000),
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readdirSync(join(folder, 'x')).sort()).toEqual(sizes.map(String).sort());
    const listed = spawnSync('tar', ['-tvf', '-'], {
      input: tarOf(files, 1_700_000_000),
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
    for (const size of sizes)
      expect(listed.stdout).toMatch(new RegExp(`^-rw------- 0/0 +${size} 2023-11-14 22:13 x/${size}$`, 'm'));
  });

  it('has no names that lead elsewhere or do not fit', () => {
    for (const name of ['', 'a b', 'é', 'x'.repeat(101), '/x', '../x', 'a/../../x', 'a/..'])
      expect(() => tarOf([{ name, data: Buffer.alloc(0) }], 0)).toThrow(RangeError);
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });
});
