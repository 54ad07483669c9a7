import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openGate } from '../../keeper/gate.ts';
import { newProcessGroup } from '../../shared/host/process-group.ts';
import { gone, isRunning, written } from './rig.ts';

describe('a gate', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-gate-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const tree = newProcessGroup([]);
  const witness = () => join(folder, 'witness');
  const plan = () =>
    ({ kind: 'plan', argv: ['/bin/sh', '-c', `echo ran > ${witness()}`], env: {}, workingDirectory: '/' }) as const;

  it('lets nothing of the program run until it is told to go', async () => {
    const gate = await openGate(plan(), tree, 2);
    expect(await gate.joined).toBe(true);
    expect([isRunning(gate.pid), existsSync(witness())]).toEqual([true, false]);
    gate.go();
    expect(await gate.ended).toEqual({ code: 0, signal: '' });
    expect(await written(witness())).toBe('ran');
  });

  it('that is killed never opens', async () => {
    const gate = await openGate(plan(), tree, 2);
    await gate.joined;
    gate.kill();
    gate.go();
    expect(await gate.ended).toEqual({ code: undefined, signal: 'SIGKILL' });
    expect(existsSync(witness())).toBe(false);
  });

  it('whose keeper is killed ends by itself, and nothing ever runs', async () => {
    const { argv } = plan();
    const keeper = spawn(process.execPath, [join(import.meta.dirname, 'run-gate.ts'), ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(keeper.stdout, 'data');
    const pid = Number(line);
    expect(isRunning(pid)).toBe(true);
    keeper.kill('SIGKILL');
    await gone(pid);
    expect(existsSync(witness())).toBe(false);
  });

  it('whose first process can not join its place says so', async () => {
    const gate = await openGate(plan(), { ...tree, join: 'exit 9', place: 'nowhere' }, 2);
    expect(await gate.joined).toBe(false);
    expect(await gate.ended).toEqual({ code: 9, signal: '' });
  });

  it('rejects when no process can be made', async () => {
    const tooLong = { ...plan(), env: { LONG: 'x'.repeat(4 * 1024 * 1024) } };
    await expect(openGate(tooLong, tree, 2)).rejects.toThrow('E2BIG');
  });
});
