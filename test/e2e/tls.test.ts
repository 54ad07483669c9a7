/** TLS as a user sets it up: the authority is made at the first start, certificates are signed with it, and nobody else gets in. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { connect } from '../../sdk/typescript/client.ts';
import { LOCUM, runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;

let folder = '';
let api = '';
let agents = '';
let controllerLog: Line[] = [];
const processes: ChildProcess[] = [];
const at = (name: string): string => join(folder, name);

interface Line {
  readonly msg: string;
  readonly reason?: string;
  readonly apiAddress?: string;
  readonly agentAddress?: string;
}

/** Starts one and resolves with its log, as soon as that has this line; the log goes on growing. */
async function started(words: readonly string[], wanted: string): Promise<Line[]> {
  const child = spawn(process.execPath, [LOCUM, ...words, '--log-format', 'json'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  processes.push(child);
  const log: Line[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Line[]>();
  createInterface({ input: child.stderr }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    log.push(line);
    if (line.msg === wanted) resolve(log);
  });
  child.once('exit', (code) => reject(new Error(`ended with ${code}: ${JSON.stringify(log)}`)));
  return promise;
}

const issue = (identity: string, out: string) =>
  runLocum(api, ['certificate', 'issue', identity, '--data-dir', at('controller'), '--out', out]);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locum-tls-'));
  const listeners = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0'];
  const words = ['controller', '--tls', '--data-dir', at('controller'), ...listeners];
  controllerLog = await started(words, 'controller is ready');
  const ready = controllerLog.find(({ msg }) => msg === 'controller is ready');
  api = ready?.apiAddress ?? '';
  agents = ready?.agentAddress ?? '';
  const issued = await issue('user/ann', at('ann'));
  if (issued.code !== 0) throw new Error(issued.stderr);
}, TEST_TIMEOUT_MS);

afterAll(async () => {
  // Its keeper ends with it.
  await runLocum(api, ['agent', 'leave', '--state-dir', at('web-1')]);
  for (const child of processes.toReversed()) {
    if (child.exitCode !== null) continue;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
}, TEST_TIMEOUT_MS);

/** As the administrator of the controller's host: with the token that lies in its data directory. */
async function giveRole(user: string, role: string): Promise<void> {
  const ca = readFileSync(at('controller/pki/ca.crt'), 'utf8');
  const token = readFileSync(at('controller/admin.token'), 'utf8').trim();
  const locum = connect({ addresses: [api], tls: { ca }, token });
  try {
    await locum.access.setUser({ user: { name: `users/${user}`, roles: [{ role }] } });
  } finally {
    locum.close();
  }
}

it('a person with a certificate of the cluster is answered what his roles allow, and nobody without', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  const stranger = await runLocum(api, ['server', 'list', '--tls-dir', at('ann')]);
  expect(stranger).toMatchObject({ code: EXIT.denied, stderr: expect.stringContaining('servers.read') });
  await giveRole('ann', 'viewer');
  const listed = await runLocum(api, ['server', 'list', '--tls-dir', at('ann')]);
  expect(listed).toMatchObject({ code: 0 });
  const plain = await runLocum(api, ['server', 'list', '--timeout', '20s']);
  expect(plain).toMatchObject({ code: EXIT.error, stdout: '' });
  expect(plain.stderr).toMatch(/^error: this controller speaks TLS, .*--ca-file .*\(TLS_REQUIRED\)\n$/);
});

it('an agent with its certificate joins; as somebody else it does not', { timeout: TEST_TIMEOUT_MS }, async () => {
  expect((await issue('server/web-1', at('web-1/tls'))).code).toBe(0);
  const words = ['agent', '--controllers', agents, '--state-dir', at('web-1')];
  await started([...words, '--server', 'web-1'], 'session opened');
  const { stdout } = await runLocum(api, ['server', 'list', '-o', 'name', '--tls-dir', at('ann')]);
  expect(stdout.trim()).toBe('servers/web-1');
  const asServer = await runLocum(api, ['server', 'list', '--timeout', '2s', '--tls-dir', at('web-1/tls')]);
  expect(asServer.code).not.toBe(0);
  expect(controllerLog.map(({ reason }) => reason)).toContain('WRONG_KIND');
});

it('no key is in the log', { timeout: TEST_TIMEOUT_MS }, () => {
  const keys = [at('controller/pki/ca.key'), at('ann/tls.key')].map(
    (file) => readFileSync(file, 'utf8').split('\n')[1],
  );
  const text = JSON.stringify(controllerLog);
  for (const key of keys) expect(text).not.toContain(key);
  expect(readdirSync(at('controller/pki')).toSorted()).toEqual(['ca.crt', 'ca.key']);
});
