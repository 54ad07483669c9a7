/** Which token a command shows, and to whom it shows none. */
import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { credentialsOf } from '../../cli/client/credentials.ts';
import type { Destination } from '../../cli/context/target.ts';
import { contextHome } from './context-home.ts';

const NOBODY = 65_534;
/** Says its port, and when somebody comes. */
const LISTENER =
  "const s = require('net').createServer(() => console.log('asked')).listen(0, '127.0.0.1', () => console.log(s.address().port))";

const here = contextHome();

const listenerOfNobody = () =>
  spawn(process.execPath, ['-e', LISTENER], {
    ...{ uid: NOBODY, gid: NOBODY, cwd: '/' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });

describe('a command', () => {
  it('shows the token of LOCUM_TOKEN, or of a file, which is read anew', async () => {
    await here.locum('server list', { LOCUM_ADDRESS: here.api.address, LOCUM_TOKEN: ' of-env\n' });
    writeFileSync(join(here.home, 't'), 'of-file\nmore\n');
    await here.locum(`server list --token-file ${join(here.home, 't')}`, {
      LOCUM_ADDRESS: here.api.address,
      LOCUM_TOKEN: 'of-env',
    });
    expect(here.shown).toEqual(['Bearer of-env', 'Bearer of-file']);
    writeFileSync(join(here.home, 't'), '\n');
    const empty = await here.locum(`server list --token-file ${join(here.home, 't')}`, {
      LOCUM_ADDRESS: here.api.address,
    });
    expect(empty.stderr).toBe(
      `error: ${join(here.home, 't')} has no token: one line of visible characters is wanted\n`,
    );
    const gone = await here.locum(`server list --token-file ${join(here.home, 'none')}`, {
      LOCUM_ADDRESS: here.api.address,
    });
    expect(gone.stderr).toContain(`${join(here.home, 'none')} does not exist (ENOENT)`);
  });

  it('shows the token that a command prints, and says when it prints none', async () => {
    const set = (command: string) =>
      here.locum(['context', 'set', 'lab', '--address', here.api.address, '--token-command', command]);
    await set('echo of-command; echo more');
    expect(here.text()).not.toContain('token:');
    await here.locum('server list');
    expect(here.shown).toEqual(['Bearer of-command']);
    expect((await here.locum('context list')).stdout).toContain('token of echo of-command');
    await set('true');
    const failed = await here.locum('server list');
    expect(failed.stderr).toBe(
      'error: what token_command of context lab prints has no token: one line of visible characters is wanted\n',
    );
    expect(here.shown).toHaveLength(1);
    await here.locum('context set lab --token fixed');
    expect(here.text()).not.toContain('token_command');
  });

  it('asks a command for its token once, however many calls it makes', async () => {
    const asked = join(here.home, 'asked');
    const value = { kind: 'command', command: `echo once >>${asked}; echo of-command` } as const;
    const target = { token: { value, from: 'context lab' } } as Destination;
    const { token } = await credentialsOf({ address: [here.api.address], target });
    const ask = token as () => Promise<string>;
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['of-command', 'of-command', 'of-command']);
    expect(await ask()).toBe('of-command');
    expect(readFileSync(asked, 'utf8')).toBe('once\n');
  });

  it('sends no token of a context to anybody else', async () => {
    await here.locum('context set prod --address 127.0.0.1:1 --token of-prod');
    await here.locum('server list', { LOCUM_ADDRESS: here.api.address });
    await here.locum(`server list --address ${here.api.address}`);
    expect(here.shown).toEqual([null, null]);
  });

  it('sends no token in plain text to another host', async () => {
    const { code, stderr } = await here.locum('server list --address 192.0.2.1:7400', { LOCUM_TOKEN: 'x' });
    expect(stderr).toContain('the token of LOCUM_TOKEN would go to 192.0.2.1:7400 in plain text: nothing was sent');
    expect(code).toBe(1);
  });

  it('finds the token of this host by itself, for loopback and where nothing else says who calls', async () => {
    const secret = `locum_local_${'x'.repeat(43)}`;
    const env = { LOCUM_DATA_DIR: here.home };
    writeFileSync(join(here.home, 'admin.token'), `${secret}\n`, { mode: 0o600 });
    await here.locum(`server list --address ${here.api.address}`, env);
    expect(here.shown).toEqual([`Bearer ${secret}`]);
    await here.locum(`server list --address ${here.api.address}`, { ...env, LOCUM_TOKEN: 'other' });
    expect(here.shown[1]).toBe('Bearer other');
    const effective = await here.locum('context show --effective --address 192.0.2.1:7400', env);
    expect(effective.stdout).toMatch(/token\s+none/);
    const mixed = await here.locum(`context show --effective --address ${here.api.address},192.0.2.1:7400`, env);
    expect(mixed.stdout).toMatch(/token\s+none/);
    expect(existsSync(join(here.home, 'admin.token'))).toBe(true);
  });

  it('shows no token in plain text to another user of this host who took the port of the controller', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can be another user');
    const secret = join(here.home, 'admin.token');
    writeFileSync(secret, 'locum_local_y\n', { mode: 0o600 });
    const file = join(here.home, 'own.token');
    writeFileSync(file, 'own\n', { mode: 0o600 });
    const nobody = listenerOfNobody();
    try {
      const { value: port } = await createInterface({ input: nobody.stdout })[Symbol.asyncIterator]().next();
      const list = `server list --address 127.0.0.1:${port}`;
      const taken = `user ${NOBODY} of this host listens on 127.0.0.1:${port}, and the token`;
      for (const [words, env, whose] of [
        [list, { LOCUM_DATA_DIR: here.home }, `in ${secret} belongs to user 0`],
        [list, { LOCUM_TOKEN: 'x' }, 'of LOCUM_TOKEN is for controllers of root'],
        [`${list} --token-file ${file}`, {}, 'of --token-file is for controllers of root'],
        [`${list} --context here`, {}, 'of context here is for controllers of root'],
      ] as const) {
        if (words.includes('here')) await here.locum(`context set here --address 127.0.0.1:${port} --token x`);
        const { code, stderr } = await here.locum(words, env);
        expect(stderr).toContain(`${taken} ${whose}`);
        expect(code).toBe(4);
      }
    } finally {
      nobody.kill();
    }
  });

  it('shows a token to the user whose the data of the controller is, and to anybody where that is said', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can be another user');
    const data = join(here.home, 'data');
    mkdirSync(data);
    chownSync(data, NOBODY, NOBODY);
    const nobody = listenerOfNobody();
    try {
      const lines = createInterface({ input: nobody.stdout })[Symbol.asyncIterator]();
      const { value: port } = await lines.next();
      const list = `server list --timeout 1s --address 127.0.0.1:${port}`;
      for (const [words, env] of [
        [list, { LOCUM_TOKEN: 'x', LOCUM_DATA_DIR: data }],
        [`${list} --insecure-token`, { LOCUM_TOKEN: 'x' }],
      ] as const) {
        const { code } = await here.locum(words, env);
        expect((await lines.next()).value).toBe('asked');
        // It is no controller, and says nothing.
        expect(code).not.toBe(4);
      }
    } finally {
      nobody.kill();
    }
  });

  it('sends a token in plain text to another host only where that is said', async () => {
    const { stderr } = await here.locum('server list --timeout 100ms --insecure-token --address 192.0.2.1:7400', {
      LOCUM_TOKEN: 'x',
    });
    expect(stderr).toContain("can't reach a controller");
  });

  it('shows no token where nobody listens', async () => {
    writeFileSync(join(here.home, 'admin.token'), 'locum_local_y\n', { mode: 0o600 });
    await here.api.close();
    const { stderr } = await here.locum(`server list --address ${here.api.address}`, { LOCUM_DATA_DIR: here.home });
    expect(stderr).toContain("can't reach a controller");
  });

  it('looks for the token of this host where a controller of this user has its data', async () => {
    mkdirSync(join(here.home, 'locum'));
    writeFileSync(join(here.home, 'locum', 'admin.token'), 'locum_local_y\n', { mode: 0o600 });
    const show = () => here.locum('context show --effective', { LOCUM_DATA_DIR: '', XDG_STATE_HOME: here.home });
    const { stdout } = await show();
    expect(stdout).toMatch(/token\s+in \S+\/locum\/admin.token\s+this host/);
    expect(stdout).not.toContain('admin.ca.crt');
    // Of a controller that speaks TLS.
    writeFileSync(join(here.home, 'locum', 'admin.ca.crt'), '');
    expect((await show()).stdout).toMatch(/\S+\/locum\/admin.ca.crt\s+this host/);
  });

  it('that is not known is told what would help', async () => {
    here.refuses = true;
    const nobody = await here.locum('server list', { LOCUM_ADDRESS: here.api.address });
    expect(nobody.code).toBe(4);
    expect(nobody.stderr).toContain('locum context set NAME --token -');
    const other = await here.locum('server list', { LOCUM_ADDRESS: here.api.address, LOCUM_TOKEN: 'x' });
    expect(other.stderr).toContain('The token came from LOCUM_TOKEN');
    await here.locum('context set prod --address c1:7400 --token x');
    const leftOut = await here.locum('server list', { LOCUM_ADDRESS: here.api.address });
    expect(leftOut.stderr).toContain('Context prod does not count');
    writeFileSync(join(here.home, 'admin.token'), 'locum_local_y\n', { mode: 0o600 });
    const local = await here.locum('server list', { LOCUM_ADDRESS: here.api.address, LOCUM_DATA_DIR: here.home });
    expect(local.stderr).toContain('LOCUM_DATA_DIR');
  });
});
