/** A real agent with its keeper as systemd starts it: what it says there, and what its policies are not told. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { AttemptState } from '../../shared/gen/locum/v1/run_pb.ts';
import { NotifySocket } from '../shared/host/notify-socket.ts';
import { until } from './agent-host.ts';
import { agentHost, LONG, script } from './agent-rig.ts';

it('an agent says what it does to systemd, and its keeper and policies know nothing of that', async (ctx) => {
  const folder = mkdtempSync(join(tmpdir(), 'locum-service-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'notify');
  const socket = (await NotifySocket.open(path)) ?? ctx.skip('this machine has no python3');
  const { host, controller } = await agentHost();
  Object.assign(process.env, { NOTIFY_SOCKET: path, WATCHDOG_USEC: '4000000' });
  const agent = host.startAgent([controller.endpoint]);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC']) delete process.env[name];
  const session = await controller.session();
  const said = join(folder, 'environment');
  session.start(script(`env > ${said}.part; mv ${said}.part ${said}; exec sleep 600`), LONG);
  await session.attempt(AttemptState.RUNNING);
  await until(() => existsSync(said), 'the policy to say its environment');
  expect(readFileSync(said, 'utf8')).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
  await until(() => socket.count(`STATUS=session with ${controller.endpoint}; 1 attempt`) === 1, 'its status');
  await until(() => socket.count('WATCHDOG=1') > 1, 'the watchdog');
  expect(socket.count('READY=1')).toBe(1);
  agent.child.kill('SIGTERM');
  expect(await agent.exited).toBe(0);
  await until(() => socket.count('STOPPING=1') > 0, 'the end');
  expect(socket.count('STATUS=keeps')).toBe(0);
}, 60_000);
