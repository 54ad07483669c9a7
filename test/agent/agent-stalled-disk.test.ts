/** A real agent that is restarted while its disk stalls. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { askAgentStatus } from '../../agent/local-client.ts';
import { openRuntimeFolder } from '../../shared/keeper/runtime-folder.ts';
import { agentHost, LONG, startSleeper } from './agent-rig.ts';

it('an agent that came back to a stalled disk takes orders of its host as soon as the disk answers', async (ctx) => {
  const { host, controller } = await agentHost();
  if (openRuntimeFolder(host.stateDir) === undefined) return ctx.skip('this host has no memory for records');
  const first = host.startAgent([controller.endpoint]);
  await startSleeper(await controller.session(), LONG);
  first.child.kill('SIGTERM');
  expect(await first.exited).toBe(0);
  // Whoever opens it to write waits for a reader, as for a disk that is frozen.
  const trial = join(host.stateDir, 'agent.trial');
  execFileSync('mkfifo', [trial]);
  host.startAgent([controller.endpoint]);
  const session = await controller.session(1);
  expect(session.inventory).toMatchObject([{ run: 'import-1' }]);
  await expect(askAgentStatus(host.stateDir)).rejects.toThrow('no agent can be reached');

  const reader = openSync(trial, constants.O_RDONLY | constants.O_NONBLOCK);
  rmSync(trial);
  const status = (): Promise<unknown> => askAgentStatus(host.stateDir).catch(() => undefined);
  await expect.poll(status).toMatchObject({ keeper: 'live' });
  closeSync(reader);
}, 60_000);
