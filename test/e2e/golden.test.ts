import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';
import { type Step, transcriptOf } from './transcript.ts';

const TEST_TIMEOUT_MS = 120_000;

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

type Line = readonly [words: readonly string[], input?: string];

/** Plays the lines one after the other, as a person would. */
async function session(address: string, lines: readonly Line[]): Promise<string> {
  const steps: Step[] = [];
  for (const [words, input] of lines) {
    steps.push({ words, ended: await runLocum(address, words, input === undefined ? {} : { input }) });
  }
  return transcriptOf(steps);
}

/** `server list -o json` as words. */
const line = (text: string, input?: string): Line =>
  input === undefined ? [text.split(' ')] : [text.split(' '), input];

describe('what the command line prints', () => {
  const fixture = useCluster(['a', 'b']);

  it('when all is well', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster } = fixture();
    const text = await session(cluster.address, [
      line('server list'),
      line('server list -o name'),
      line('policy apply -f - --dry-run', POLICIES),
      line('policy apply -f -', POLICIES),
      line('policy wait steady --for running --timeout 20s'),
      line('policy apply -f -', POLICIES),
      line('policy list'),
      line('policy show steady'),
      line('policy explain steady'),
      line('policy start report --wait -- monday'),
      line('run list --all'),
      line('run logs report'),
      line('run show steady'),
      line('run list -o name'),
      line('server order'),
      line('server order -o json'),
      line('server make-primary b --apply move-now --dry-run'),
      line('server make-primary b'),
      line('server demote b'),
      line('server move b --rank 1 --dry-run'),
      line('server limit b 3'),
      line('server limit b default'),
      line('server cordon b'),
      line('server uncordon b'),
      line('server drain a --dry-run'),
      line('run move steady b'),
      line('policy pause steady'),
      line('policy resume steady'),
      line('pool list'),
      line('pool set default --default-max-slots 40'),
      line('pool create spare --missing-after 60s --dry-run'),
      line('proceed --yes'),
      line('events --type SERVER_REGISTERED'),
      line('events --type ORDER_CHANGED -o wide -n 1'),
      line('status'),
      line('policy delete picky --yes'),
      line('policy stop steady'),
      line('policy wait steady --for idle --timeout 20s'),
    ]);
    await expect(text).toMatchFileSnapshot('golden/all-is-well.txt');
  });

  it('when something is wrong', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster } = fixture();
    const folder = mkdtempSync(join(tmpdir(), 'locum-golden-'));
    try {
      const bad = (text: string): Line => line('policy apply -f -', `name: policies/bad\n${text}\n`);
      const argv = 'workload: { command: { argv: [sleep, "1"] } }';
      writeFileSync(join(folder, 'no-yaml.txt'), '');
      const text = await session(cluster.address, [
        line('servr list'),
        line('server lst'),
        line('server show c'),
        line('server show stead'),
        line('policy show stedy'),
        line('policy show servers/a'),
        line('run show nothing'),
        line('server order a'),
        line('server order a a b'),
        line('server order a b c'),
        line('server move a --before a'),
        line('server move a'),
        line('server limit a -1'),
        line('server order b a --etag stale'),
        line('server delete a --yes'),
        line('server delete a'),
        line('server confirm-dead a --reason test --yes'),
        line('pool set default --lease 1s'),
        line('pool delete default --yes'),
        bad(`${argv}\nprioritty: 3`),
        bad(`${argv}\npriority: 300`),
        bad(`${argv}\nrequirements: [ "dotnet >=" ]`),
        bad(`${argv}\ntrigger: { schedule: { cron: "0 0 30 2 *" } }`),
        bad(`${argv}\ntrigger: { schedule: { cron: "every day" } }`),
        bad(`${argv}\nservers: [ servers/nowhere ]`),
        bad('workload: {}'),
        [['policy', 'apply', '-f', folder]],
        line('policy start picky2'),
        line('policy start steady'),
        line('run logs steady --tail 5 --offset 5'),
        line('policy wait steady --for flying'),
        line('policy wait steady --for running --timeout 500ms'),
      ]);
      await expect(text).toMatchFileSnapshot('golden/something-is-wrong.txt');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('as JSON is the response with all its keys, and nothing else on standard output', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster } = fixture();
    const json = async (text: string): Promise<unknown> =>
      JSON.parse((await runLocum(cluster.address, text.split(' '))).stdout);
    expect(await json('server list -o json')).toMatchObject({
      servers: [{ name: 'servers/a' }, { name: 'servers/b' }],
      nextPageToken: '',
    });
    expect(await json('status -o json')).toMatchObject({ servers: 2, store: 'sqlite', storms: [] });
    expect(await json('run list -o json')).toEqual({ runs: expect.any(Array), nextPageToken: '' });
    const events = await runLocum(cluster.address, ['events', '-n', '3', '-o', 'json']);
    expect(Object.keys(JSON.parse(events.stdout))).toEqual(['events', 'nextPageToken']);
    const applied = await runLocum(cluster.address, ['policy', 'apply', '-f', '-', '--dry-run', '-o', 'json'], {
      input: POLICIES,
    });
    expect(
      applied.stdout
        .trimEnd()
        .split('\n')
        .map((one) => JSON.parse(one).policy.name),
    ).toEqual(['policies/steady', 'policies/report', 'policies/picky']);
  });
});
