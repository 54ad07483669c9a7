import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { clearProcesses, processesOf } from '../../cli/dev/host-processes.ts';
import { freePort } from '../../cli/dev/ports.ts';
import { eventually } from './cluster-fixture.ts';
import { LOCUM, runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 120_000;

interface Dev {
  readonly child: ChildProcess;
  readonly address: string;
  readonly dataDir: string;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

const folders: string[] = [];
afterEach(async () => {
  // What a failed test left behind must not disturb the next one.
  for (const folder of folders.splice(0)) {
    await clearProcesses(folder, { waitMs: 0 });
    rmSync(folder, { recursive: true, force: true });
  }
});

async function startDev(agents: number): Promise<Dev> {
  const dataDir = mkdtempSync(join(tmpdir(), 'locum-dev-test-'));
  folders.push(dataDir);
  const [apiPort, agentPort] = [await freePort(), await freePort()];
  const words = ['dev', '--agents', String(agents), '--timers', 'short', '--data', dataDir];
  const child = spawn(process.execPath, [
    LOCUM,
    ...words,
    '--api-port',
    String(apiPort),
    '--agent-port',
    String(agentPort),
  ]);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, address: `127.0.0.1:${apiPort}`, dataDir, output: () => output, ended };
}

describe('locum dev', () => {
  it('shows the servers and what to try next, and after Ctrl-C nothing is left', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const dev = await startDev(2);
    await eventually('it is up', async () => (dev.output().includes('Ctrl-C stops everything') ? true : undefined));
    expect(dev.output()).toMatch(/1 {2}server-1 {2}PRIMARY {2}ALIVE/);
    expect(dev.output()).toMatch(/2 {2}server-2 {2}STANDBY {2}ALIVE/);
    expect(dev.output()).toContain('locum policy explain queue-consumer');
    // It runs, and may not have written its first line yet.
    await eventually('its first line is there', async () => {
      const { stdout } = await runLocum(dev.address, ['run', 'logs', 'queue-consumer']);
      return /^consuming as queue-consumer-\d+, epoch \d+/.test(stdout) ? true : undefined;
    });
    // Controller, two agents, two keepers, and at least the three continuous policies.
    expect(processesOf(dev.dataDir).length).toBeGreaterThanOrEqual(8);
    dev.child.kill('SIGINT');
    expect(await dev.ended).toBe(0);
    expect(dev.output()).toContain('Nothing is left running.');
    expect(processesOf(dev.dataDir)).toEqual([]);
  });

  it('says how a server is killed, and shows that another one takes over', { timeout: TEST_TIMEOUT_MS }, async () => {
    const dev = await startDev(2);
    await eventually('it is up', async () => (dev.output().includes('Ctrl-C stops everything') ? true : undefined));
    const [, line = ''] = /locum (dev kill server-1 --data \S+)/.exec(dev.output()) ?? [];
    const killed = await runLocum(dev.address, line.split(' '));
    expect(killed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^server-1 is dead: \d+ processes killed/) });
    const again = await runLocum(dev.address, line.split(' '));
    expect(again).toMatchObject({ code: 5, stderr: expect.stringContaining('nothing of server-1 runs any more') });
    await eventually('another server goes on', async () =>
      /queue-consumer-\d+ is RUNNING: runs on server-2/.test(dev.output()) ? true : undefined,
    );
    expect(dev.output()).toContain('server-1 is MISSING');
    expect(dev.output()).toContain('To start it again, in another terminal:');
    const unknown = await runLocum(dev.address, ['dev', 'kill', 'server-9', '--data', dev.dataDir]);
    expect(unknown).toMatchObject({ code: 3, stderr: expect.stringContaining('there is no server server-9') });
    dev.child.kill('SIGINT');
    expect(await dev.ended).toBe(0);
    expect(processesOf(dev.dataDir)).toEqual([]);
  });

  it('leaves nothing either when it is ended while it starts', { timeout: TEST_TIMEOUT_MS }, async () => {
    const dev = await startDev(3);
    await eventually('the first agent is there', async () =>
      existsSync(join(dev.dataDir, 'server-1')) ? true : undefined,
    );
    dev.child.kill('SIGTERM');
    await dev.ended;
    expect(processesOf(dev.dataDir)).toEqual([]);
  });

  it.each(['SIGHUP', 'closed pipe'] as const)(
    'leaves nothing when its terminal or its reader goes (%s)',
    {
      timeout: TEST_TIMEOUT_MS,
    },
    async (how) => {
      const dev = await startDev(1);
      await eventually('it is up', async () => (dev.output().includes('Ctrl-C stops everything') ? true : undefined));
      // `npm start | head` reads no more; events that go on to be told meet a closed pipe.
      if (how === 'SIGHUP') dev.child.kill('SIGHUP');
      else {
        dev.child.stdout?.destroy();
        dev.child.stderr?.destroy();
        await runLocum(dev.address, ['policy', 'restart', 'queue-consumer']);
      }
      await dev.ended;
      expect(processesOf(dev.dataDir)).toEqual([]);
    },
  );

  it('says which port is in use, and how to choose another', { timeout: TEST_TIMEOUT_MS }, async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => {
        const address = taken.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    try {
      const ended = await runLocum('127.0.0.1:1', ['dev', '--api-port', String(port)]);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(`port ${port} on 127.0.0.1 is in use`);
      expect(ended.stderr).toContain('--api-port');
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });
});
