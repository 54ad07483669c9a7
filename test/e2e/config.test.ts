import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOCUM, runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;
const NOWHERE = '127.0.0.1:1';

let folder = '';
const children: ChildProcess[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-config-'));
});
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('close', resolve));
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

function fileWith(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** A program as a service manager starts it: without a terminal. `until` a line of its log has this text. */
function started(words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [LOCUM, ...words], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let log = '';
  child.stderr.on('data', (bytes: Buffer) => {
    log += bytes.toString();
  });
  const until = async (text: string): Promise<string> => {
    while (!log.includes(text)) {
      await new Promise<void>((resolve, reject) => {
        child.stderr.once('data', () => resolve());
        child.once('close', () => reject(new Error(`ended before it said "${text}":\n${log}`)));
      });
    }
    return log;
  };
  return { child, until };
}

describe('locum config', () => {
  it('prints what would count, with where it is from, as a file that can be read again', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const file = fileWith('c.yaml', 'api_listen: 127.0.0.1:7999\n');
    const words = ['config', 'print', 'controller', '--config', file, '--id', 'c-1', '--effective'];
    const { code, stdout, stderr } = await runLocum(NOWHERE, words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`api_listen: 127.0.0.1:7999 # ${file}: line 1, column 1\n`);
    expect(stdout).toContain('agent_listen: 127.0.0.1:7401 # default\n');
    expect(stdout).toContain('id: c-1 # --id\n');
    const again = await runLocum(NOWHERE, ['config', 'validate', fileWith('again.yaml', stdout)]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('is right for a controller') });
    const agent = await runLocum(NOWHERE, ['config', 'print', 'agent', '--capability', 'site=berlin', '-o', 'json']);
    expect(JSON.parse(agent.stdout).settings).toEqual([
      { field: 'capabilities', value: { site: 'berlin' }, from: '--capability' },
    ]);
    expect((await runLocum(NOWHERE, ['config', 'print', 'agent', '--pool', 'edge', '-o', 'name'])).stdout).toBe(
      'pool\n',
    );
  });

  it('reads a file, over it the environment, over both flags, and says of each value where it is from', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const file = fileWith('layers.yaml', 'id: from-file\nlog_level: WARN\nretention: { events: 200, audit: 300 }\n');
    const env = { LOCUM_CONTROLLER_ID: 'from-env', LOCUM_CONTROLLER_RETENTION_EVENTS: '500' };
    const words = ['config', 'print', 'controller', '--config', file, '-o', 'json'];
    const settings = async (...flags: string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await runLocum(NOWHERE, [...words, ...flags], { env });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const rows: { field: string; value: string | number; from: string }[] = JSON.parse(stdout).settings;
      return Object.fromEntries(rows.map(({ field, value, from }) => [field, `${value}, ${from}`]));
    };
    const below = {
      log_level: `WARN, ${file}: line 2, column 1`,
      'retention.events': '500, LOCUM_CONTROLLER_RETENTION_EVENTS',
      'retention.audit': `300, ${file}: line 3, column 27`,
    };
    expect(await settings()).toEqual({ ...below, id: 'from-env, LOCUM_CONTROLLER_ID' });
    expect(await settings('--id', 'from-flag')).toEqual({ ...below, id: 'from-flag, --id' });
    const misspelt = await runLocum(NOWHERE, words, { env: { LOCUM_CONTROLLER_LOG_LEVEL: 'LOUD' } });
    expect(misspelt).toMatchObject({ code: 1, stderr: expect.stringContaining('LOCUM_CONTROLLER_LOG_LEVEL') });
  });

  it('shows no secret of workloads, and no login', { timeout: TEST_TIMEOUT_MS }, async () => {
    const agent = fileWith('agent.yaml', 'server: a\nbase_env: { TOKEN: hunter2 }\n');
    const shown = await runLocum(NOWHERE, ['config', 'print', 'agent', '--config', agent, '--effective']);
    expect(shown.stdout).toContain('TOKEN: (hidden)');
    expect(shown.stdout).not.toContain('hunter2');
    const login = await runLocum(NOWHERE, ['config', 'print', 'controller', '--store', 'etcd://ann:hunter2@host/x']);
    expect(login.stdout).not.toContain('hunter2');
  });

  it('checks files, and says line and column of each mistake', { timeout: TEST_TIMEOUT_MS }, async () => {
    const wrong = fileWith('wrong.yaml', 'server: web-1\nmax_slots: many\nprobs: []\n');
    const { code, stderr } = await runLocum(NOWHERE, ['config', 'validate', wrong]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${wrong}: line 2, column 1`);
    expect(stderr).toContain('line 3, column 1');
    expect(stderr).toContain('did you mean "probes"');
    const right = await runLocum(NOWHERE, ['config', 'validate', fileWith('empty.yaml', ''), '--for', 'agent']);
    expect(right.stdout).toContain('is right for an agent');
    expect((await runLocum(NOWHERE, ['config', 'validate', join(folder, 'none.yaml')])).code).toBe(1);
  });
});

describe('a program that is told to read its configuration again (SIGHUP)', () => {
  it('takes over what can change, names the rest, and keeps everything when the file is wrong', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const file = fileWith('live.yaml', 'log_level: INFO\n');
    const listen = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0', '--store', 'memory:'];
    const { child, until } = started(['controller', '--config', file, ...listen, '--data-dir', join(folder, 'data')]);
    const port = /"apiAddress":"127\.0\.0\.1:(\d+)"/.exec(await until('controller is ready'))?.[1];
    const asName = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/healthz`, {
        headers: { origin: 'https://locum.example' },
      });
      return response.status;
    };
    expect(await asName()).toBe(403);
    fileWith('live.yaml', 'log_level: DEBUG\nallowed_hosts: [ locum.example ]\nid: other\n');
    child.kill('SIGHUP');
    await until('taken over: allowed_hosts, log_level; another value after the next restart: id');
    expect(await asName()).toBe(200);
    fileWith('live.yaml', 'log_level: LOUD\n');
    child.kill('SIGHUP');
    await until('can not be read again, so nothing was changed');
    expect(await asName()).toBe(200);
    child.kill('SIGTERM');
    await until('closing');
  });

  it('does not follow a file below a variable of its environment, or a flag', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const file = fileWith('below.yaml', 'log_level: ERROR\n');
    const listen = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0', '--store', 'memory:'];
    const words = ['controller', '--config', file, ...listen, '--data-dir', join(folder, 'data-below'), '--id', 'c-1'];
    const env = { LOCUM_CONTROLLER_LOG_LEVEL: 'INFO', LOCUM_CONTROLLER_ALLOWED_HOSTS: 'one.example' };
    const { child, until } = started(words, env);
    await until('controller is ready');
    fileWith('below.yaml', 'log_level: DEBUG\nallowed_hosts: [ two.example ]\nid: other\n');
    child.kill('SIGHUP');
    await until('nothing that can change while this runs is another');
    fileWith('below.yaml', 'stop: 1\n');
    child.kill('SIGHUP');
    expect(await until('can not be read again')).not.toContain('taken over');
    child.kill('SIGTERM');
    await until('closing');
  });

  it('is an agent, too: its stated capabilities change, and it lives on', { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = fileWith(
      'agent-live.yaml',
      'server: web-1\ncontrollers: [ "127.0.0.1:1" ]\ncapabilities: { site: berlin }\n',
    );
    const state = join(folder, 'agent');
    const { child, until } = started(['agent', '--config', file, '--state-dir', state, '--external-keeper']);
    const status = async (): Promise<string> =>
      (await runLocum(NOWHERE, ['agent', 'status', '--state-dir', state])).stdout;
    while (!(await status()).includes('"web-1"'));
    fileWith('agent-live.yaml', 'server: web-1\ncontrollers: [ "127.0.0.1:2" ]\ncapabilities: { site: hamburg }\n');
    child.kill('SIGHUP');
    await until('taken over: capabilities; another value after the next restart: controllers');
    expect(await status()).toContain('"web-1"');
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('close', resolve));
  });
});
