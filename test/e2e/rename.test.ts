import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { runCaptured } from './captured-command.ts';
import { useCluster } from './cluster-fixture.ts';

const TEST_TIMEOUT_MS = 60_000;

describe('a policy that is renamed', () => {
  const fixture = useCluster(['a']);
  const play = (...words: string[]) => runCaptured(fixture().cluster.address, words);

  it('runs under its new name once nothing runs under the old one, which leads there', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { apply, witness, running, runs, cluster } = fixture();
    await apply(witness.policy('old'));
    const { attempt } = await running('old');
    const tried = await play('policy', 'rename', 'old', 'new', '--dry-run');
    expect(tried.stderr).toContain('old-1 would stop first');
    const { code, stdout, stderr } = await play('policy', 'rename', 'old', 'new', '--yes', '--timeout', '40s');
    expect({ code, stdout, stderr: code === 0 ? '' : stderr }).toEqual({
      code: 0,
      stdout: 'old is called new now.\n',
      stderr: '',
    });
    const now = await running('new');
    expect(now.attempt.epoch).toBeGreaterThan(attempt.epoch);
    const ended = (await runs.getRun({ name: 'runs/old-1' })).run?.attempts.at(-1);
    expect(Number(ended?.endTime?.seconds)).toBeLessThanOrEqual(Number(now.attempt.startTime?.seconds));

    // In a pipe, as a script would ask.
    const asked = await play('policy', 'explain', 'old');
    expect(asked.code).toBe(EXIT.notFound);
    expect(asked.stderr).toContain('It is called "new" now.');
    expect((await play('policy', 'rename', 'old', 'new', '--yes')).code).toBe(0);
    expect((await play('policy', 'rename', 'new', 'old', '--yes', '--timeout', '40s')).code).toBe(0);
    expect(cluster.address).not.toBe('');
  });

  it('keeps the name where another policy has the new one, or it is paused', { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = join(fixture().cluster.dataDir, 'two.yaml');
    const text = (id: string) =>
      `name: ${id}\ntrigger: { on_demand: {} }\nworkload: { command: { argv: [sleep, "9"] } }\n`;
    writeFileSync(file, `${text('one')}---\n${text('two')}`);
    expect((await play('policy', 'apply', '-f', file)).code).toBe(0);
    expect((await play('policy', 'rename', 'one', 'two', '--yes')).code).toBe(EXIT.conflict);
    expect((await play('policy', 'pause', 'one')).code).toBe(0);
    expect((await play('policy', 'rename', 'one', 'three', '--yes')).stderr).toContain('resume it first');
    expect((await play('policy', 'rename', 'none', 'three', '--yes')).code).toBe(EXIT.notFound);
  });
});
