/**
 * The gate: a shell that first joins the attempt's cgroup, says so, and becomes the program only when it is told to go.
 *
 * It makes three things true. Nothing of a workload runs outside its cgroup, not even for a moment. Nothing of it runs before
 * the keeper has written down what it started. And if the keeper dies before it says go, the shell reads the end of the pipe and
 * nothing of the workload ever runs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { NewTree } from '../shared/host/containment.ts';
import type { LaunchPlan } from './launch-plan.ts';

/** How the first process ended. */
export interface ProcessExit {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  /** Empty when it exited by itself. */
  readonly signal: string;
}

export interface Gate {
  readonly pid: number;
  /** True once the shell is in its place and waits; false when it ended before. */
  readonly joined: Promise<boolean>;
  /** Once the first process is reaped, shell or program. */
  readonly ended: Promise<ProcessExit>;
  /** Lets the program run. */
  go(): void;
  /** Kills the first process only: enough while it is the shell. */
  kill(): void;
}

/** The name of the variable is ours, so that no variable of the workload is overwritten by what is read. */
const WAIT = 'echo in >&3 && read -r LOCUM_GATE <&3 && exec "$@" 3<&-';

/** Rejects when not even the shell can be started: no memory, too many processes, an environment too large. */
export async function openGate(plan: LaunchPlan, tree: NewTree, outputFd: number): Promise<Gate> {
  const script = tree.join === '' ? WAIT : `${tree.join} && ${WAIT}`;
  const child = spawn('/bin/sh', ['-c', script, tree.place, ...plan.argv], {
    cwd: plan.workingDirectory,
    env: plan.env,
    // A session of its own: a signal for the keeper's group is not meant for it.
    detached: true,
    stdio: ['ignore', outputFd, outputFd, 'pipe'],
  });
  const ended = endOf(child);
  const { pid } = child;
  if (pid === undefined) throw await spawnError(child);
  const pipe = child.stdio[3];
  if (!(pipe instanceof Socket)) throw new Error('the gate has no pipe');
  // A shell that dies closes the pipe; that is seen by its end.
  pipe.on('error', () => undefined);
  const said = new Promise<boolean>((resolve) => pipe.once('data', () => resolve(true)));
  return {
    pid,
    joined: Promise.race([said, ended.then(() => false)]),
    ended,
    go: () => pipe.end('go\n'),
    kill: () => child.kill('SIGKILL'),
  };
}

function endOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? '' }));
  });
}

function spawnError(child: ChildProcess): Promise<Error> {
  return new Promise((resolve) => {
    child.once('error', resolve);
  });
}
