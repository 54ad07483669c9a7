import { describe, expect, it } from 'vitest';
import { useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 60_000;

const GREEDY = `
name: greedy
trigger: { on_demand: {} }
restart: { max_failures: 1 }
retention: { output_size: 1Mi, output_age: 24h }
workload:
  resources: { memory: 32Mi, cpu: 1.5, pids: 50 }
  script:
    text: |
      echo begins
      dd if=/dev/zero of=/dev/null bs=200M count=1
`;

describe('a policy with limits of resources', () => {
  const fixture = useCluster(['a']);

  const locum = (args: readonly string[], input = '') => runLocum(fixture().cluster.address, args, { input });
  const canHold = async (): Promise<boolean> => {
    const { server } = await fixture().servers.getServer({ name: 'servers/a' });
    const features = server?.capabilities.filter(({ name }) => name === 'feature').map(({ value }) => value) ?? [];
    return ['memory', 'cpu', 'pids'].every((one) => features.includes(`resources.${one}`));
  };

  it('is shown as it was written, and what is shown changes nothing', { timeout: TEST_TIMEOUT_MS }, async () => {
    const applied = await locum(['policy', 'apply', '-f', '-'], GREEDY);
    expect({ code: applied.code, stderr: applied.stderr }).toMatchObject({ code: 0 });
    const { stdout: yaml } = await locum(['policy', 'show', 'greedy', '-o', 'yaml']);
    expect(yaml).toMatch(/resources:\n +memory: 32Mi\n +cpu: 1\.5\n +pids: 50\n/);
    expect(yaml).toMatch(/output_size: 1Mi\n +output_age: 86400s\n/);
    expect((await locum(['policy', 'apply', '-f', '-'], yaml)).stdout).toMatch(/unchanged/);
    const more = yaml.replace('32Mi', '0.5Gi');
    expect((await locum(['policy', 'apply', '-f', '-'], more)).stderr).toMatch(
      /line \d+, column \d+.*workload\.resources\.memory: must be a whole number of bytes, or have a unit/,
    );
    const { stdout: diff } = await locum(['policy', 'diff', '-f', '-'], yaml.replace('32Mi', '64Mi'));
    expect(diff).toMatch(/workload\.resources\.memory.*32Mi.*64Mi/);
    const { stdout: text } = await locum(['policy', 'show', 'greedy']);
    expect(text).toMatch(/^limits: +memory 32Mi, cpu 1\.5, pids 50$/m);
    expect(text).toMatch(/^kept: +20 ended runs; output: 1Mi, 24h$/m);
  });

  it('waits where no server can hold them, and is told what they lack', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    if (await canHold()) return ctx.skip('this host can hold limits');
    const started = await locum(['policy', 'start', 'greedy']);
    expect(started.code).toBe(2);
    const { stdout } = await locum(['policy', 'explain', 'greedy']);
    expect(stdout).toMatch(/does not meet feature = resources\.(memory|cpu|pids)/);
  });

  it('ends as OUT_OF_MEMORY where it needs more, and that is what is told of it', {
    timeout: TEST_TIMEOUT_MS,
  }, async (ctx) => {
    if (!(await canHold())) return ctx.skip('cgroup v2 has no controllers here (or they are not ours to hand down)');
    expect((await locum(['policy', 'start', 'greedy'])).code).toBe(0);
    expect((await locum(['policy', 'wait', 'greedy', '--for', 'idle', '--timeout', '30s'])).code).toBe(0);
    const why = 'it needed more memory than its limit of 32Mi';
    const { stdout: history } = await locum(['run', 'list', '--policy', 'greedy', '--ended']);
    expect(history).toMatch(new RegExp(`FAILED .*OUT_OF_MEMORY, SIGKILL, ${why}`));
    expect((await locum(['status'])).stdout.replaceAll(/\s+/g, ' ')).toContain(why);
    expect((await locum(['run', 'logs', 'greedy'])).stdout).toBe('begins\n');
  });
});
