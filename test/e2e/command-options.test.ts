/** The options that commands share, each with real programs. */
import { spawn, spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { SETUP_TIMEOUT_MS, useCluster } from './cluster-fixture.ts';
import { LOCUM, runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;

/** What colours look like. */
const ESCAPE = '\u001b[';

const hasScript = spawnSync('script', ['--version']).status === 0;

describe('options that commands share', () => {
  const fixture = useCluster(['web-1', 'web-2', 'web-10'], 1);
  const locum = (...words: string[]) => runLocum(fixture().cluster.address, words);

  beforeAll(async () => {
    await fixture().servers.updateServer({
      server: { name: 'servers/web-10', maxSlots: 7 },
      updateMask: { paths: ['max_slots'] },
    });
  }, SETUP_TIMEOUT_MS);

  it('--columns and --sort choose what of a table is shown, and name what there is', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const names = async (sort: string) => {
      const { stdout } = await locum('server', 'list', '--columns', 'server', '--sort', sort);
      return stdout.trim().split(/\s+/).slice(1);
    };
    expect(await names('server')).toEqual(['web-1', 'web-2', 'web-10']);
    expect(await names('-server')).toEqual(['web-10', 'web-2', 'web-1']);
    expect((await names('slots'))[0]).toBe('web-10');
    const both = await locum('server', 'list', '--columns', 'slots,server');
    expect(both.stdout).toMatch(/^SLOTS +SERVER\n/);
    const wrong = await locum('server', 'list', '--columns', 'sise');
    expect(wrong).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/no column "sise"; possible: rank, /),
    });
  });

  it.each([
    'server list',
    'server capabilities',
    'pool list',
    'policy list',
    'run list --all',
    'events',
    'audit list',
    'controllers',
    'auth token list',
    'auth role list',
    'auth user list',
    'token list',
    'hook list',
    'server revoked',
  ])('--columns is known to %s', { timeout: TEST_TIMEOUT_MS }, async (line) => {
    const words = line.split(' ');
    const help = await locum(...words, '--help');
    expect(help.stdout).toContain('--columns');
    const { stderr } = await locum(...words, '--columns', 'none-such');
    // An empty list is said without a table.
    expect(stderr === '' ? 'there is no column "none-such"; possible: ' : stderr).toMatch(
      /^(?:locum: )?(?:error: )?there is no column "none-such"; possible: /,
    );
  });

  it('--template prints lines of its own, of lists, single answers and streams', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const list = await locum('server', 'list', '--template', '{{name}}={{rank}}');
    expect(list).toEqual({ code: 0, stderr: '', stdout: 'servers/web-1=1\nservers/web-2=2\nservers/web-10=3\n' });
    const one = await locum('server', 'show', 'web-2', '--template', '{{rank}} of {{pool}}');
    expect(one.stdout).toBe('2 of pools/default\n');
    const events = await locum('events', '--limit', '3', '--template', '{{type}}');
    expect(events.stdout).toMatch(/^(?:[A-Z_]+\n){3}$/);
    const leader = await locum('status', '--template', '{{leader}}');
    expect(leader.stdout).toMatch(/^\S+\n$/);
    const wrong = await locum('server', 'list', '--template', '{{rnk}}');
    expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('did you mean "rank"?') });
    const both = await locum('server', 'list', '--template', '{{name}}', '-o', 'json');
    expect(both).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('cannot be used with') });
  });

  it('--quiet leaves what is on standard output, and on standard error only what is wrong', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const words = ['server', 'cordon', 'web-2', '--dry-run'];
    const [told, quiet] = [await locum(...words), await locum('-q', ...words)];
    expect(told.stderr).toContain('Nothing was changed.');
    expect(quiet).toEqual({ ...told, stderr: '' });
    const wrong = await locum('server', 'show', 'web-3', '--quiet');
    expect(wrong).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('NOT_FOUND') });
  });

  it('--quiet does not hide a warning', { timeout: TEST_TIMEOUT_MS }, async () => {
    const manifest = 'name: odd\nworkload: { script: { text: "\\n#!/bin/sh\\nsleep 1000\\n" } }\n';
    const words = ['policy', 'apply', '-f', '-', '--dry-run', '-q'];
    const { code, stderr } = await runLocum(fixture().cluster.address, words, { input: manifest });
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: odd: /) });
    expect(stderr).not.toContain('Nothing was changed.');
  });

  it('--no-color and NO_COLOR leave colours out where there would be some', { timeout: TEST_TIMEOUT_MS }, async () => {
    const shown = async (words: readonly string[], more: NodeJS.ProcessEnv) => {
      const env: NodeJS.ProcessEnv = { ...process.env, LOCUM_ADDRESS: fixture().cluster.address };
      delete env['NO_COLOR'];
      const child = spawn(process.execPath, [LOCUM, ...words], {
        env: { ...env, ...more },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return text(child.stdout);
    };
    const forced = { FORCE_COLOR: '1' };
    expect(await shown(['server', 'list'], forced)).toContain(ESCAPE);
    for (const words of [
      ['server', 'list', '--no-color'],
      ['--no-color', 'server', 'list'],
    ]) {
      const plain = await shown(words, forced);
      expect(plain).toContain('web-10');
      expect(plain).not.toContain(ESCAPE);
    }
    expect(await shown(['server', 'list'], {})).not.toContain(ESCAPE);
  });

  it('--no-input asks nothing, at a terminal either', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    if (!hasScript) ctx.skip('script of util-linux is not installed');
    const { address } = fixture().cluster;
    const line = `${process.execPath} ${LOCUM} --address ${address}`;
    const terminal = (command: string, input: string) =>
      spawnSync('script', ['-qec', command, '/dev/null'], { input, encoding: 'utf8', timeout: TEST_TIMEOUT_MS });
    const asked = terminal(`${line} pool delete default`, 'no\n');
    expect(asked.stdout).toContain('[y/N]');
    const refused = terminal(`${line} pool delete default --no-input`, '');
    expect(refused.status).toBe(1);
    expect(refused.stdout).toContain('Nothing is asked with --no-input: add --yes to do it.');
    expect(refused.stdout).not.toContain('[y/N]');
    const edit = await locum('policy', 'edit', 'hello', '--no-input');
    expect(edit).toMatchObject({ code: 1, stderr: expect.stringContaining('policy apply -f') });
  });
});
