import { spawn, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { SETUP_TIMEOUT_MS, useCluster } from './cluster-fixture.ts';
import { LOCUM, runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;
const HOME = '\u001b[H';

const hasScript = spawnSync('script', ['--version']).status === 0;

describe('locum top', () => {
  const fixture = useCluster(['web-1', 'web-2'], 1);
  const locum = (...words: string[]) => runLocum(fixture().cluster.address, ['top', ...words]);

  it('--once prints one look into a pipe, without anything for a terminal', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { code, stdout, stderr } = await locum('--once', '--columns', 'rank,server,slots');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^servers: +2, 2 available, 2 connected$/m);
    expect(stdout).toMatch(/^RANK +SERVER +SLOTS\n +1 +web-1 +0\/50\n +2 +web-2 +0\/50$/m);
    expect(stdout).toMatch(/^\S+ +SERVER_REGISTERED +/m);
    expect(stdout).not.toContain('\u001b');
  });

  it('goes on in a pipe, look after look, until it is ended', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { address } = fixture().cluster;
    const child = spawn(process.execPath, [LOCUM, 'top', '--interval', '1s', '--address', address]);
    let seen = '';
    for await (const bytes of child.stdout) {
      seen += String(bytes);
      if (seen.split('leader:').length > 3) break;
    }
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('close', resolve));
    expect(seen.split('leader:').length).toBeGreaterThan(3);
  });

  it('says what is wrong with what it is asked for', { timeout: TEST_TIMEOUT_MS }, async () => {
    expect(await locum('--once', '-o', 'json')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('locum status -o json'),
    });
    expect(await locum('--interval', '10ms')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('use a span from 1s to 10m'),
    });
    expect(await locum('--once', '--sort', 'size')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('no column "size"'),
    });
    expect((await runLocum('127.0.0.1:1', ['top', '--once'])).stderr).toContain("can't reach a controller");
  });

  it.for([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ])(
    'takes a terminal, shows look after look, and gives it back as it was at %s',
    { timeout: SETUP_TIMEOUT_MS },
    async ([, key = ''], ctx) => {
      if (!hasScript) ctx.skip('script of util-linux is not installed');
      const { address } = fixture().cluster;
      const line = `stty rows 30 columns 100; ${process.execPath} ${LOCUM} top --interval 1s --address ${address}; echo code $?; stty -a`;
      const child = spawn('script', ['-qec', line, '/dev/null']);
      let seen = '';
      let asked = false;
      for await (const bytes of child.stdout) {
        seen += String(bytes);
        if (!asked && seen.split(HOME).length > 2) {
          asked = true;
          child.stdin.write(key);
        }
      }
      const frames = seen.split(HOME);
      expect(frames[0]).toContain('\u001b[?1049h');
      expect(frames[1]).toContain('web-2');
      expect(frames[1]?.split('\n').length).toBeLessThanOrEqual(30);
      expect(frames.length).toBeGreaterThan(2);
      expect(seen.indexOf('\u001b[?1049l')).toBeGreaterThan(0);
      expect(seen.split('\u001b[?1049l')[1]).toMatch(/code 0[\s\S]*[^-]icanon\b/);
    },
  );
});
