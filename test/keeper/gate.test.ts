import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openGate } from '../../keeper/drivers/process/gate.ts';
import type { LaunchPlan } from '../../keeper/drivers/process/launch-plan.ts';
import { eventually, gone, isRunning, written } from './rig.ts';

describe('a gate', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-gate-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const witness = () => join(folder, 'witness');
  const plan = (): LaunchPlan => ({
    ...{ kind: 'plan', wanted: 'sh', candidates: ['/bin/sh'], args: ['-c', `echo ran > ${witness()}`] },
    ...{ env: {}, workingDirectory: '/', user: undefined },
  });

  it('lets nothing of the program run until it is told to go', async () => {
    const gate = await openGate(plan(), '', 2);
    expect(await gate.ready).toBe(true);
    expect([isRunning(gate.pid), existsSync(witness())]).toEqual([true, false]);
    gate.go();
    expect(await gate.ended).toEqual({ code: 0, signal: '' });
    expect(await written(witness())).toBe('ran');
  });

  it('that is killed never opens', async () => {
    const gate = await openGate(plan(), '', 2);
    await gate.ready;
    gate.kill();
    gate.go();
    expect(await gate.ended).toEqual({ code: undefined, signal: 'SIGKILL' });
    expect(existsSync(witness())).toBe(false);
  });

  it('that may not be killed, as its program is another user’s by now, does not say so by an error', async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('only root can make a process that it may then not kill');
    const user = { setpriv: '/usr/bin/setpriv', uid: 1, gid: 1 };
    const gate = await openGate({ ...plan(), args: ['-c', 'exec sleep 60'], user }, '', openSync('/dev/null', 'w'));
    await gate.ready;
    gate.go();
    await eventually(
      'the program to run',
      () => readFileSync(`/proc/${gate.pid}/comm`, 'utf8') === 'sleep\n' || undefined,
    );
    process.seteuid?.(65_534);
    try {
      gate.kill();
    } finally {
      process.seteuid?.(0);
    }
    expect(isRunning(gate.pid)).toBe(true);
    gate.kill();
    expect(await gate.ended).toEqual({ code: undefined, signal: 'SIGKILL' });
  });

  it('whose keeper is killed ends by itself, and nothing ever runs', async () => {
    const argv = ['/bin/sh', ...plan().args];
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

  it('whose first process can not join its cgroup says so', async () => {
    const gate = await openGate(plan(), join(folder, 'no-such-cgroup'), openSync('/dev/null', 'w'));
    expect(await gate.ready).toMatchObject({ reason: 'NO_CGROUP' });
    expect(await gate.ended).toEqual({ code: 1, signal: '' });
  });

  it('gives nothing of the keeper’s protection from the OOM killer to the program', async () => {
    const args = ['-c', `cat /proc/self/oom_score_adj > ${witness()}`];
    const gate = await openGate({ ...plan(), args }, '', 2);
    expect(await gate.ready).toBe(true);
    gate.go();
    expect(await written(witness())).toBe('0');
  });

  it('looks for the program from the working directory, and takes the first that can be run', async () => {
    const tool = join(folder, 'tool');
    const ready = async (candidates: readonly string[]) => {
      const gate = await openGate(
        { ...plan(), wanted: '"tool"', candidates, args: [], workingDirectory: folder },
        '',
        2,
      );
      const answer = await gate.ready;
      gate.kill();
      return answer;
    };
    writeFileSync(tool, '#!/bin/sh\n');
    expect(await ready(['tool'])).toMatchObject({
      reason: 'PROGRAM_NOT_EXECUTABLE',
      detail: expect.stringContaining('tool is not'),
    });
    chmodSync(tool, 0o755);
    for (const candidates of [['/no/such/folder/tool', tool], ['./tool'], ['tool'], [tool]])
      expect(await ready(candidates)).toBe(true);
    expect(await ready(['/no/such/folder/tool'])).toMatchObject({
      reason: 'PROGRAM_NOT_FOUND',
      detail: 'there is no "tool"',
    });
    expect(await ready([])).toMatchObject({ reason: 'PROGRAM_NOT_FOUND' });
  });

  it('rejects when no process can be made', async () => {
    const tooLong = { ...plan(), env: { LONG: 'x'.repeat(4 * 1024 * 1024) } };
    await expect(openGate(tooLong, '', 2)).rejects.toThrow('E2BIG');
  });
});
