import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;
const SECRET = 'hunter2';

describe('locum debug bundle', () => {
  const fixture = useCluster(['web-1'], 1);
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-bundle-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has what a cluster of real programs knows of itself, and none of its secrets', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster } = fixture();
    const locum = (...words: string[]) => runLocum(cluster.address, words);
    const manifest = [
      `name: script\nworkload: { script: { text: "echo ${SECRET}; sleep 1000" }, env: { DB_PASSWORD: ${SECRET} } }`,
      `name: command\nworkload: { command: { argv: [sh, -c, "sleep 1000", --token, ${SECRET}, "--url=http://ann:${SECRET}@host/"] } }`,
      'name: job\ntrigger: { on_demand: {} }\nworkload: { command: { argv: [sh, -c, "sleep 1000"] } }',
    ].join('\n---\n');
    writeFileSync(join(folder, 'policies.yaml'), manifest);
    expect(await locum('policy', 'apply', '-f', join(folder, 'policies.yaml'))).toMatchObject({ code: 0 });
    expect(await locum('policy', 'start', 'job', '--', SECRET)).toMatchObject({ code: 0 });
    await fixture().running('command');

    const file = join(folder, 'bundle.tar.gz');
    const { code, stdout, stderr } = await locum('debug', 'bundle', file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Saved ${file}: 12 files`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const unpacked = join(folder, 'unpacked');
    expect(spawnSync('mkdir', [unpacked]).status).toBe(0);
    const tar = spawnSync('tar', ['-xzf', file, '-C', unpacked], { encoding: 'utf8' });
    expect({ status: tar.status, stderr: tar.stderr }).toEqual({ status: 0, stderr: '' });
    const [stem = ''] = readdirSync(unpacked);
    const read = (name: string): string => readFileSync(join(unpacked, stem, name), 'utf8');
    const files = readdirSync(join(unpacked, stem), { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    expect(files).toHaveLength(12);
    for (const { parentPath, name } of files)
      expect(readFileSync(join(parentPath, name), 'utf8'), name).not.toContain(SECRET);

    expect(JSON.parse(read('manifest.json'))).toMatchObject({ missing: [], files: expect.any(Array) });
    expect(JSON.parse(read('servers.json')).servers[0]).toMatchObject({ name: 'servers/web-1' });
    const { policies } = JSON.parse(read('policies.json'));
    expect(policies.map(({ name }: { name: string }) => name)).toEqual([
      'policies/command',
      'policies/job',
      'policies/script',
    ]);
    expect(policies[2].workload.env).toEqual({ DB_PASSWORD: '(hidden)' });
    expect(policies[0].workload.command.argv.slice(0, 4)).toEqual(['sh', '-c', 'sleep 1000', '--token']);
    expect(read('events.json')).toContain('SERVER_REGISTERED');
    const [controller = ''] = readdirSync(join(unpacked, stem, 'controllers'));
    expect(read(`controllers/${controller}/metrics.txt`)).toMatch(/^locum_policies 3$/m);
    const { settings, version, runtime } = JSON.parse(read(`controllers/${controller}/diagnostics.json`));
    expect({ version, runtime }).toMatchObject({
      version: expect.any(String),
      runtime: `Node ${process.versions.node}`,
    });
    expect(settings).toContainEqual({
      field: 'api_listen',
      value: JSON.stringify(cluster.address),
      source: '--api-listen',
    });
    expect(settings).toContainEqual({ field: 'log_level', value: '"INFO"', source: 'default' });
  });
});
