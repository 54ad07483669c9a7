import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { runCaptured } from './captured-command.ts';
import { useCluster } from './cluster-fixture.ts';

const TEST_TIMEOUT_MS = 60_000;

const policyText = (id: string, more = ''): string =>
  `name: ${id}\nlabels: { team: planned }\ntrigger: { on_demand: {} }\n${more}workload: { command: { argv: [sleep, "9"] } }\n`;

describe('a plan at the command line', () => {
  const fixture = useCluster(['a', 'b']);
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-plans-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const play = (line: string) => runCaptured(fixture().cluster.address, line.split(' '));

  async function planOf(line: string): Promise<string> {
    const { code, stderr } = await play(`${line} --dry-run`);
    expect({ line, code, stderr: code === 0 ? '' : stderr }).toEqual({ line, code: 0, stderr: '' });
    const [, plan = ''] = /--if-plan (\S+)/.exec(stderr) ?? [];
    expect(plan, stderr).toMatch(/^[0-9a-f]{16}$/);
    return plan;
  }

  it('of files, and of verbs over several names, is carried out whole, or not at all', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const file = join(folder, 'two.yaml');
    writeFileSync(file, [policyText('one'), policyText('two')].join('---\n'));
    const apply = `policy apply -f ${file}`;
    const plan = await planOf(apply);
    expect((await play(`${apply} --if-plan ${plan}`)).code).toBe(0);
    const again = await play(`${apply} --if-plan ${plan}`);
    expect(again.code).toBe(EXIT.conflict);
    expect(again.stderr).toContain('PLAN_CHANGED');

    const pause = 'policy pause -l team=planned';
    const pausing = await planOf(pause);
    expect((await play('policy pause two')).code).toBe(0);
    expect((await play(`${pause} --if-plan ${pausing}`)).code).toBe(EXIT.conflict);
    expect((await play('policy show one -o yaml')).stdout).not.toContain('paused: true');
    expect((await play(`${pause} --if-plan ${await planOf(pause)}`)).code).toBe(0);
    const remove = `policy delete -f ${file} --yes`;
    expect((await play(`${remove} --if-plan ${await planOf(remove)}`)).code).toBe(0);
  });

  it('is there for each verb that changes something', { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = join(folder, 'steady.yaml');
    writeFileSync(file, policyText('steady').replace('trigger: { on_demand: {} }\n', ''));
    expect((await play(`policy apply -f ${file}`)).code).toBe(0);
    expect((await play('policy wait steady --for running --timeout 20s')).code).toBe(0);
    const verbs = [
      'server make-primary b',
      'server promote a',
      'server demote a',
      'server move a --rank 1',
      'server order b a',
      'server limit a 7',
      'server cordon b',
      'server uncordon b',
      'pool create spare',
      'pool set spare --default-max-slots 3',
      'pool delete spare --yes',
      'proceed --yes',
      'run move steady b',
      'policy restart steady',
      'server drain b',
      'policy delete steady --yes',
    ];
    for (const verb of verbs) {
      const wrong = await play(`${verb} --if-plan 0123456789abcdef`);
      expect({ verb, code: wrong.code, stderr: wrong.stderr }).toMatchObject({ verb, code: EXIT.conflict });
      const plan = await planOf(verb);
      const { code, stderr } = await play(`${verb} --if-plan ${plan}`);
      expect({ verb, code, stderr: code === 0 ? '' : stderr }).toEqual({ verb, code: 0, stderr: '' });
      // What is under way would be another plan a moment later.
      if (verb === 'run move steady b' || verb === 'policy restart steady')
        await play('policy wait steady --for running --timeout 20s');
    }
  });
});
