/** A controller as a process of its own, open to whoever calls it from this machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../cli/dev/ports.ts';

export interface ControllerProcess {
  readonly child: ChildProcess;
  readonly apiAddress: string;
  readonly agentAddress: string;
}

/** Resolves when it leads. `words`: more of its command line. */
export async function startController(words: readonly string[]): Promise<ControllerProcess> {
  const [api = 0, agent = 0] = await freePorts(2);
  const [apiAddress, agentAddress] = [`127.0.0.1:${api}`, `127.0.0.1:${agent}`];
  const where = ['--api-listen', apiAddress, '--agent-listen', agentAddress, '--id', 'bench'];
  const program = [join(import.meta.dirname, '../bin/locum.js'), 'controller', '--open', '--log-level', 'error'];
  const child = spawn(process.execPath, [...program, ...where, ...words], { stdio: ['ignore', 'inherit', 'inherit'] });
  for (let answer = 0; answer !== 200; ) {
    answer = await fetch(`http://${apiAddress}/readyz`).then(
      ({ status }) => status,
      () => 0,
    );
    await sleep(50);
  }
  return { child, apiAddress, agentAddress };
}

export async function endController({ child }: ControllerProcess): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}
