/** A host joins with the line that `locum token create` prints, as a user pastes it, and runs a policy over TLS. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LOCUM, runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;

let folder = '';
let api = '';
const processes: ChildProcess[] = [];
const at = (name: string): string => join(folder, name);
const asAnn = (...words: string[]) => runLocum(api, [...words, '--tls-dir', at('ann')]);

interface Line {
  readonly msg: string;
  readonly apiAddress?: string;
}

/** Starts one, and resolves with the first line of its log that says this. What it says goes into `log`. */
async function started(words: readonly string[], wanted: string, log: Line[] = []): Promise<Line> {
  const child = spawn(process.execPath, [LOCUM, ...words, '--log-format', 'json'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  processes.push(child);
  const { promise, resolve, reject } = Promise.withResolvers<Line>();
  createInterface({ input: child.stderr }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    log.push(line);
    if (line.msg === wanted) resolve(line);
  });
  child.once('exit', (code) => reject(new Error(`ended with ${code}: ${JSON.stringify(log)}`)));
  return promise;
}

const agentLog: Line[] = [];
let agent: readonly string[] = [];

async function stopped(child: ChildProcess | undefined): Promise<void> {
  const ended = new Promise((resolve) => child?.once('exit', resolve));
  child?.kill('SIGTERM');
  await ended;
}

/** As whoever can read the controller's data directory: `locum` finds there who asks, and by which roots it knows the controller. */
const asAdministrator = (...words: string[]) => runLocum(api, words, { env: { LOCUM_DATA_DIR: at('controller') } });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locum-join-'));
  agent = ['agent', '--state-dir', at('web-1')];
  const listeners = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0'];
  const words = ['controller', '--tls', '--data-dir', at('controller'), ...listeners];
  ({ apiAddress: api = '' } = await started(words, 'controller is ready'));
  const issued = await runLocum(api, [
    'certificate',
    'issue',
    'user/ann',
    '--data-dir',
    at('controller'),
    '--out',
    at('ann'),
  ]);
  if (issued.code !== 0) throw new Error(issued.stderr);
  const given = await asAdministrator('auth', 'user', 'set', 'ann', '--role', 'admin');
  if (given.code !== 0) throw new Error(given.stderr);
}, TEST_TIMEOUT_MS);

afterAll(async () => {
  // Its keeper ends with it.
  await runLocum(api, ['agent', 'leave', '--state-dir', at('web-1')]);
  for (const child of processes.toReversed()) {
    if (child.exitCode === null) await stopped(child);
  }
  rmSync(folder, { recursive: true, force: true });
}, TEST_TIMEOUT_MS);

it('from the line of `token create` to a policy that runs', { timeout: TEST_TIMEOUT_MS }, async () => {
  const made = await asAnn('token', 'create', '--for', 'server/web-1', '--ttl', '1h');
  expect(made).toMatchObject({ code: 0 });
  const lines = made.stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  const [program, ...line] = (lines[0] ?? '').split(' ');
  expect(program).toBe('locum');

  const paste = () => runLocum(api, [...line, '--state-dir', at('web-1')]);
  expect(await paste()).toMatchObject({ code: 0, stderr: '' });
  expect((await paste()).stdout).toContain('web-1 had joined already');
  await started(agent, 'session opened', agentLog);

  const stolen = await runLocum(api, [...line, '--state-dir', at('thief')]);
  expect(stolen.code).not.toBe(0);
  expect(stolen.stderr).toContain('(JOIN_TOKEN_USED)');

  const policy = 'name: steady\nworkload: { command: { argv: [sleep, "1000"] } }\n';
  const applied = await runLocum(api, ['policy', 'apply', '-f', '-', '--tls-dir', at('ann')], { input: policy });
  expect(applied).toMatchObject({ code: 0 });
  expect(await asAnn('policy', 'wait', 'steady', '--for', 'running')).toMatchObject({ code: 0 });
  const listed = await asAnn('token', 'list');
  expect(listed.stdout).toMatch(/web-1 +any +USED +web-1 +127\.0\.0\.1 /);
});

it('a revoked server is refused, and comes back when it has joined anew', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const revoked = await asAnn('server', 'revoke', 'web-1', '--reason', 'stolen', '--yes');
  expect(revoked).toMatchObject({ code: 0, stdout: expect.stringContaining('until it joins anew') });
  await expect
    .poll(() => agentLog.some((line) => JSON.stringify(line).includes('CERTIFICATE_REVOKED')), { timeout: 20_000 })
    .toBe(true);
  await stopped(processes.at(-1));
  expect((await asAnn('server', 'revoked')).stdout).toMatch(/web-1 .*stolen/);
  const events = await asAnn('events');
  expect(events.stdout).toMatch(/CERTIFICATES_REVOKED.*stolen/);

  const made = await asAnn('token', 'create', '--for', 'server/web-1');
  const [, ...line] = made.stdout.trimEnd().split(' ');
  expect(await runLocum(api, [...line, '--state-dir', at('web-1')])).toMatchObject({ code: 0 });
  await started(agent, 'session opened');
  expect(await asAnn('policy', 'wait', 'steady', '--for', 'running')).toMatchObject({ code: 0 });
});

it('a host joins an open controller with TLS as well, which asks people for nothing', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const listeners = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0'];
  const words = ['controller', '--open', '--tls', '--data-dir', at('open'), ...listeners];
  const { apiAddress = '' } = await started(words, 'controller is ready');
  const anybody = ['--ca-file', at('open/pki/ca.crt')];
  const made = await runLocum(apiAddress, ['token', 'create', '--for', 'server/web-9', ...anybody]);
  expect(made).toMatchObject({ code: 0 });
  const [, ...line] = made.stdout.trimEnd().split(' ');
  expect(await runLocum(apiAddress, [...line, '--state-dir', at('web-9')])).toMatchObject({ code: 0, stderr: '' });
  await started(['agent', '--state-dir', at('web-9')], 'session opened');
  expect(await runLocum(apiAddress, ['agent', 'leave', '--state-dir', at('web-9')])).toMatchObject({ code: 0 });
});
