/** `locum controller` and `locum keeper` as systemd starts them: what they say there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { NotifySocket } from '../shared/host/notify-socket.ts';
import { LOCUM } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;
/** Watched for four seconds: a look each second. */
const WATCHDOG_USEC = '4000000';

function eventually(look: () => unknown) {
  return expect.poll(look, { timeout: 40_000, interval: 20 });
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'locum-service-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function started(words: readonly string[], socket: string): ChildProcess {
  const env = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC };
  const child = spawn(process.execPath, [LOCUM, ...words], { env, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const LISTEN = ['--open', '--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0'];

it('a controller says that it leads, that it reads its configuration again, and that it ends', {
  timeout: TEST_TIMEOUT_MS,
}, async (ctx) => {
  const at = folder();
  const path = join(at, 'notify');
  const socket = (await NotifySocket.open(path)) ?? ctx.skip('this machine has no python3');
  const words = ['controller', ...LISTEN, '--store', 'memory:', '--data-dir', join(at, 'data'), '--id', 'c-1'];
  const child = started(words, path);
  await eventually(() => socket.count('STATUS=leader')).toBe(1);
  expect(socket.count('READY=1')).toBe(1);
  await eventually(() => socket.count('WATCHDOG=1')).toBeGreaterThan(1);
  child.kill('SIGHUP');
  await eventually(() => socket.count('READY=1')).toBe(2);
  expect(socket.count('RELOADING=1')).toBe(1);
  child.kill('SIGTERM');
  await once(child, 'exit');
  await eventually(() => socket.count('STOPPING=1 STATUS=got SIGTERM')).toBe(1);
});

it('a controller with SQLite, which waits for its disk in its loop, is watched by nobody', {
  timeout: TEST_TIMEOUT_MS,
}, async (ctx) => {
  const at = folder();
  const path = join(at, 'notify');
  const socket = (await NotifySocket.open(path)) ?? ctx.skip('this machine has no python3');
  started(['controller', ...LISTEN, '--data-dir', join(at, 'data'), '--id', 'c-1'], path);
  await eventually(() => socket.count('READY=1')).toBe(1);
  expect(socket.count('WATCHDOG_USEC=0')).toBe(1);
});

it('a keeper says that it serves, and that the host shuts down', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
  const at = folder();
  const path = join(at, 'notify');
  const socket = (await NotifySocket.open(path)) ?? ctx.skip('this machine has no python3');
  const child = started(['keeper', '--stay', '--state-dir', join(at, 'state')], path);
  await eventually(() => socket.count('STATUS=keeps 0 attempts')).toBe(1);
  expect(socket.count('READY=1')).toBe(1);
  await eventually(() => socket.count('WATCHDOG=1')).toBeGreaterThan(1);
  child.kill('SIGTERM');
  await once(child, 'exit');
  await eventually(() => socket.count('STOPPING=1')).toBe(1);
});
