import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCaptured } from './captured-command.ts';
import { useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';
import { type Step, transcriptOf } from './transcript.ts';

const TEST_TIMEOUT_MS = 60_000;

const POLICIES = `name: policies/steady
workload: { command: { argv: [sleep, "100000"] } }
stop_timeout: 1s
---
name: policies/report
trigger: { on_demand: {} }
max_concurrent_runs: 2
workload: { script: { text: 'echo "report for $1"' } }
---
name: policies/picky
requirements: [ "gpu >= 2" ]
workload: { command: { argv: [sleep, "1"] } }
`;

/** Plays lines such as `server list` one after the other, as a person would. */
async function session(address: string, lines: readonly string[]): Promise<string> {
  const steps: Step[] = [];
  for (const line of lines) {
    const words = line.split(' ');
    steps.push({ words, ended: await runCaptured(address, words) });
  }
  return transcriptOf(steps);
}

describe('what the command line prints', () => {
  const fixture = useCluster(['a', 'b']);
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-golden-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function fileWith(name: string, text: string): string {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  }

  it('of policies as files, and by their labels', { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = fileWith(
      'teams.yaml',
      ['one', 'two']
        .map(
          (id) =>
            `name: ${id}\ntrigger: { on_demand: {} }\nlabels: { team: x }\nworkload: { command: { argv: [sleep, "9"] } }`,
        )
        .join('\n---\n'),
    );
    const edited = fileWith(
      'edited.yaml',
      'name: two\npriority: 70\nservers: [a]\nworkload: { command: { argv: [sleep, "9"] } }\n',
    );
    const text = await session(fixture().cluster.address, [
      `policy diff -f ${file}`,
      `policy apply -f ${file}`,
      `policy diff -f ${file}`,
      'policy show one -o yaml',
      'policy list -l team=x -o name',
      'policy list -l team=y',
      `policy diff -f ${edited}`,
      'policy pause one two --dry-run',
      'policy pause -l team=x',
      'policy resume -l team=x --dry-run',
      'policy stop',
      'policy stop one -l team=x',
      'server cordon b --dry-run',
      `policy delete -f ${file} --dry-run`,
      `policy delete -f ${file} --yes`,
      `policy delete -f ${file} --yes`,
    ]);
    await expect(text).toMatchFileSnapshot('golden/files-and-labels.txt');
  });

  it('when all is well', { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = fileWith('policies.yaml', POLICIES);
    const text = await session(fixture().cluster.address, [
      'server list',
      'server list -o name',
      `policy apply -f ${file} --dry-run`,
      `policy apply -f ${file}`,
      'policy wait steady --for running --timeout 20s',
      'policy list',
      'policy show steady',
      'policy explain steady',
      'run stop steady --dry-run',
      'policy start report --wait -- monday',
      'run list --all',
      'run logs report',
      'run show steady',
      'run list -o name',
      'fence check steady 1',
      'fence check steady 1 -o name',
      'server order',
      'server order -o json',
      'server make-primary b --apply move-now --dry-run',
      'server make-primary b',
      'server demote b',
      'server move b --rank 1 --dry-run',
      'server limit b 3',
      'server limit b default',
      'server cordon b',
      'server uncordon b',
      'server drain a --dry-run',
      'run move steady b',
      'policy wait steady --for running --timeout 20s',
      'fence check steady 1 --run steady-1',
      'policy pause steady',
      'policy explain steady',
      'policy resume steady',
      'pool list',
      'pool set default --default-max-slots 40',
      'pool create spare --missing-after 60s --dry-run',
      'proceed --yes',
      'events --type SERVER_REGISTERED',
      'events --type ORDER_CHANGED -o wide -n 1',
      'events --because steady-1',
      'events --since 1h --about policies/report -o name -n 1',
      'events --until 2020-01-01',
      'events --since nonsense',
      'status',
      'policy delete picky --yes',
      'policy stop steady',
      'policy wait steady --for idle --timeout 20s',
    ]);
    await expect(text).toMatchFileSnapshot('golden/all-is-well.txt');
  });

  it('when something is wrong', { timeout: TEST_TIMEOUT_MS }, async () => {
    const argv = 'workload: { command: { argv: [sleep, "1"] } }';
    let files = 0;
    const bad = (text: string): string => {
      files += 1;
      return `policy apply -f ${fileWith(`bad-${files}.yaml`, `name: policies/bad\n${text}\n`)}`;
    };
    const text = await session(fixture().cluster.address, [
      'servr list',
      'server lst',
      'server list --watsh',
      'server show c',
      'policy show stedy',
      'policy show servers/a',
      'run show nothing',
      'fence check steady 99',
      'fence check nothing 1',
      'fence check steady one',
      'server order a',
      'server order a a b',
      'server order a b c',
      'server move a --before a',
      'server move a',
      'server limit a -1',
      'server order b a --etag stale',
      'server delete a --yes',
      'server delete a',
      'server confirm-dead a --reason test --yes',
      'pool set default --lease 1s',
      'pool delete default --yes',
      bad(`${argv}\nprioritty: 3`),
      bad(`${argv}\npriority: 300`),
      bad(`${argv}\nrequirements: [ "dotnet >=" ]`),
      bad(`${argv}\ntrigger: { schedule: { cron: "0 0 30 2 *" } }`),
      bad(`${argv}\ntrigger: { schedule: { cron: "every day" } }`),
      bad('workload: {}'),
      `policy apply -f ${join(folder, 'nowhere.yaml')}`,
      'policy start picky2',
      'policy explain picky2',
      'run logs steady --tail 5 --offset 5',
      'policy wait steady --for flying',
      'policy wait steady --for running --timeout 300ms',
    ]);
    await expect(text).toMatchFileSnapshot('golden/something-is-wrong.txt');
  });

  it('when a run has to wait: the exit code says "not placed"', { timeout: TEST_TIMEOUT_MS }, async () => {
    const policy =
      'name: policies/nowhere\nrequirements: [gpu]\ntrigger: { on_demand: {} }\nworkload: { command: { argv: [a] } }\n';
    const text = await session(fixture().cluster.address, [
      `policy apply -f ${fileWith('nowhere.yaml', policy)}`,
      'policy explain nowhere',
      'policy start nowhere',
      'policy start nowhere',
      'policy wait nowhere --for running --timeout 300ms',
    ]);
    await expect(text).toMatchFileSnapshot('golden/not-placed.txt');
  });

  it('as JSON is the response with all its keys, and nothing else on standard output', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { address } = fixture().cluster;
    const json = async (line: string): Promise<unknown> =>
      JSON.parse((await runCaptured(address, line.split(' '))).stdout);
    const servers = [{ name: 'servers/a' }, { name: 'servers/b' }];
    expect(await json('server list -o json')).toMatchObject({ servers, nextPageToken: '' });
    expect(await json('status -o json')).toMatchObject({ servers: 2, store: 'sqlite', storms: [] });
    expect(await json('run list -o json')).toEqual({ runs: expect.any(Array), nextPageToken: '' });
    expect(Object.keys(Object(await json('events -n 3 -o json')))).toEqual([
      'events',
      'nextPageToken',
      'droppedUpTo',
      'position',
    ]);
  });

  it('as a process that reads standard input, with one object per line', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { address } = fixture().cluster;
    const words = ['policy', 'apply', '-f', '-', '--dry-run', '-o', 'json'];
    const { code, stdout, stderr } = await runLocum(address, words, { input: POLICIES });
    expect(code).toBe(0);
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).policy.name);
    expect(names).toEqual(['policies/steady', 'policies/report', 'policies/picky']);
    expect(stderr).toContain('Nothing was changed.');
  });
});
