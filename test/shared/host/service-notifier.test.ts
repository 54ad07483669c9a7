/** What systemd is told, on a real socket by a real process. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { openServiceNotifier } from '../../../shared/host/service-notifier.ts';
import { runWithoutDescriptors } from '../../without-descriptors.ts';
import { NotifySocket } from './notify-socket.ts';

const LOOK_MS = 100;
/** Within it a program that turns would be heard ten times. */
const QUIET_MS = 10 * LOOK_MS;

interface Played {
  readonly child: ChildProcess;
  readonly socket: NotifySocket;
  readonly said: () => string;
}

async function play(ctx: TestContext, path: string): Promise<Played> {
  if (spawnSync('systemd-notify', ['--version']).status !== 0) return ctx.skip('this machine has no systemd-notify');
  const socket = (await NotifySocket.open(path)) ?? ctx.skip('this machine has no python3');
  const env = { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: String(4 * LOOK_MS * 1000) };
  const program = join(import.meta.dirname, 'notifying-program.ts');
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return { child, socket, said: () => text };
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'locum-notify-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

function eventually(look: () => unknown) {
  return expect.poll(look, { timeout: 20_000, interval: 20 });
}

describe('a program under systemd', { timeout: 60_000 }, () => {
  it('says what it does, in its own name where it may, and keeps the socket from its children', async (ctx) => {
    const { child, socket, said } = await play(ctx, join(folder(), 'notify'));
    await eventually(() => socket.count('WATCHDOG=1')).toBeGreaterThan(2);
    expect(said()).toBe('left: \n');
    expect(socket.count(`MAINPID=${child.pid} STATUS=all is well; rm -rf *`)).toBe(1);
    expect(socket.count('READY=1')).toBe(1);
    const others = socket.received.filter(({ pid }) => process.getuid?.() === 0 && pid !== child.pid);
    expect(others).toEqual([]);
    child.kill('SIGHUP');
    await eventually(() => socket.count('READY=1')).toBe(2);
    const order = socket.received.flatMap(({ text }) => /READY=1|RELOADING=1/.exec(text)?.[0] ?? []);
    expect(order).toEqual(['READY=1', 'RELOADING=1', 'READY=1']);
    child.kill('SIGTERM');
    await once(child, 'exit');
    await eventually(() => socket.received.at(-1)?.text).toBe(`MAINPID=${child.pid} STOPPING=1 STATUS=that is all`);
  });

  it('is heard at an abstract address, and not while it is stopped or its loop hangs, or when it is not well', async (ctx) => {
    const { child, socket, said } = await play(ctx, `@locum-notify-${process.pid}`);
    const turns = async (): Promise<void> => {
      const before = socket.count('WATCHDOG=1');
      await eventually(() => socket.count('WATCHDOG=1')).toBeGreaterThan(before + 1);
    };
    /** What was on its way when it was stopped has come by then. */
    const isQuiet = async (): Promise<void> => {
      await sleep(QUIET_MS);
      const before = socket.count('WATCHDOG=1');
      await sleep(QUIET_MS);
      expect(socket.count('WATCHDOG=1')).toBe(before);
    };
    await turns();
    child.kill('SIGSTOP');
    await isQuiet();
    child.kill('SIGCONT');
    await turns();
    child.kill('SIGUSR2');
    await eventually(said).toContain('hangs');
    const before = socket.count('WATCHDOG=1');
    await eventually(said).toContain('free');
    expect(socket.count('WATCHDOG=1')).toBeLessThan(before + 3);
    await turns();
    child.kill('SIGUSR1');
    await isQuiet();
  });
});

describe('a program that waits for something outside', () => {
  it('is said to be started after a while, so that nobody who starts it hangs, and shows what it waits for', async (ctx) => {
    const path = join(folder(), 'notify');
    const socket = (await NotifySocket.open(path)) ?? ctx.skip('this machine has no python3');
    const service = openServiceNotifier({ env: { NOTIFY_SOCKET: path, PATH: process.env['PATH'] }, patienceMs: 50 });
    onTestFinished(() => service?.close());
    service?.begin(() => ({ words: 'waits for its store', isWell: true }));
    await eventually(() => socket.count('READY=1')).toBe(1);
    expect(socket.count('STATUS=waits for its store')).toBe(1);
    service?.ready();
    service?.unwatch();
    service?.stopping('done');
    await eventually(() => socket.count('STOPPING=1')).toBe(1);
    // It was said already, and nobody watches.
    expect(socket.count('READY=1')).toBe(1);
    expect(socket.count('WATCHDOG')).toBe(0);
  });
});

describe('a program on a host that is short of everything', { timeout: 60_000 }, () => {
  it('says again what still holds when the shell ended that should have told it', async (ctx) => {
    if (spawnSync('systemd-notify', ['--version']).status !== 0) return ctx.skip('this machine has no systemd-notify');
    const place = folder();
    const path = join(place, 'notify');
    const socket = (await NotifySocket.open(path)) ?? ctx.skip('this machine has no python3');
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '100000000', PATH: `${place}:${process.env['PATH']}` };
    // As the kernel does it where memory ends.
    const text = `#!/bin/sh\ncase "$*" in *=1|*USEC=0) [ -e ${place}/killed ] || { : >${place}/killed; kill -9 $PPID; exit; };; esac\n`;
    const real = spawnSync('sh', ['-c', 'command -v systemd-notify'], { encoding: 'utf8' }).stdout.trim();
    writeFileSync(join(place, 'systemd-notify'), `${text}exec ${real} "$@"\n`, { mode: 0o700 });
    const service = openServiceNotifier({ env, lookMs: 50 });
    onTestFinished(() => service?.close());
    service?.begin(() => ({ words: 'leads', isWell: true }));
    service?.unwatch();
    service?.ready();
    await eventually(() => socket.count('READY=1')).toBeGreaterThan(0);
    expect(socket.count('WATCHDOG_USEC=0')).toBeGreaterThan(0);
    expect(existsSync(join(place, 'killed'))).toBe(true);
  });

  it('has said last that it stops, also when what it said before was still under way as it ended', async () => {
    const place = folder();
    const [go, said] = [join(place, 'go'), join(place, 'said')];
    const text = `#!/bin/sh\nwhile [ ! -e ${go} ]; do sleep 0.02; done; echo "$@" >>${said}\n`;
    writeFileSync(join(place, 'systemd-notify'), text, { mode: 0o700 });
    const env = { ...process.env, NOTIFY_SOCKET: join(place, 'notify'), PATH: `${place}:${process.env['PATH']}` };
    const program = join(import.meta.dirname, 'notifying-program.ts');
    const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    await once(child, 'exit');
    writeFileSync(go, '');
    await expect.poll(() => readFileSync(said, 'utf8').trimEnd().split('\n').at(-1)).toContain('STOPPING=1');
  });

  it('goes on where there is no descriptor left for that shell', () => {
    const { status, stdout } = runWithoutDescriptors(join(import.meta.dirname, 'silent-program.ts'));
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'goes on\n' });
  });
});

describe('a program that nobody listens to', () => {
  it('has no notifier, and what systemd sets for it is taken away all the same', () => {
    const env = { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1', PATH: '/bin' };
    expect(openServiceNotifier({ env })).toBeUndefined();
    expect(env).toEqual({ PATH: '/bin' });
    expect(openServiceNotifier({ env: { NOTIFY_SOCKET: '' } })).toBeUndefined();
    expect(openServiceNotifier({ env: { NOTIFY_SOCKET: 'vsock:2:1234' } })).toBeUndefined();
  });
});
