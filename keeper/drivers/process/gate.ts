/**
 * The gate: a shell that first joins the attempt's cgroup, looks for what is to be run, says so, and becomes the program only when it
 * is told to go.
 *
 * It makes four things true. Nothing of a workload runs outside its cgroup, not even for a moment. Nothing of it runs before
 * the keeper has written down what it started. If the keeper dies before it says go, the shell reads the end of the pipe and
 * nothing of the workload ever runs. And whatever of the disk has to be touched for the program (its folder, itself) is touched by a
 * process that may hang alone: the keeper only ever waits for the root's shell, in the root.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { ProcessExit } from '../../core/attempt.ts';
import { type Refusal, refuse } from '../../core/refusal.ts';
import type { LaunchPlan } from './launch-plan.ts';

/** How long the shell may take to stand in its place and find the program. */
const READY_LIMIT_MS = 3_000;

export interface Gate {
  readonly pid: number;
  /** Once the shell is in its place and waits; or why it never will. */
  readonly ready: Promise<true | Refusal>;
  /** Once the first process is reaped, shell or program. */
  readonly ended: Promise<ProcessExit>;
  /** Lets the program run. */
  go(): void;
  /** Kills the first process only: enough while it is the shell. */
  kill(): void;
}

/**
 * `$0` is the cgroup (empty: none), `$1` the folder, `$2` the program in front that changes the user (empty: none), `$3` and `$4` its
 * ids, `$5` how many places of the program follow, then the arguments. The names of its variables are ours, so that no variable of the
 * workload is overwritten.
 */
const SCRIPT = `
if [ -n "$0" ] && ! echo $$ > "$0/cgroup.procs"; then echo NO_CGROUP >&3; exit 1; fi
{ echo 0 > /proc/self/oom_score_adj; } 2>/dev/null
if ! cd -- "$1"; then echo WORKING_DIRECTORY_NOT_FOUND >&3; exit 1; fi
LOCUM_GATE_BY=$2 LOCUM_GATE_UID=$3 LOCUM_GATE_GID=$4 LOCUM_GATE_LEFT=$5 LOCUM_GATE_FOUND= LOCUM_GATE_SEEN=
shift 5
while [ "$LOCUM_GATE_LEFT" -gt 0 ]; do
  if [ -z "$LOCUM_GATE_FOUND" ]; then
    if [ -f "$1" ] && [ -x "$1" ]; then LOCUM_GATE_FOUND=$1
    elif [ -z "$LOCUM_GATE_SEEN" ] && [ -e "$1" ]; then LOCUM_GATE_SEEN=$1; fi
  fi
  shift; LOCUM_GATE_LEFT=$((LOCUM_GATE_LEFT - 1))
done
if [ -z "$LOCUM_GATE_FOUND" ]; then
  if [ -n "$LOCUM_GATE_SEEN" ]; then echo "PROGRAM_NOT_EXECUTABLE $LOCUM_GATE_SEEN" >&3; else echo PROGRAM_NOT_FOUND >&3; fi
  exit 1
fi
set -- "$LOCUM_GATE_FOUND" "$@"
if [ -n "$LOCUM_GATE_BY" ]; then
  set -- "$LOCUM_GATE_BY" "--reuid=$LOCUM_GATE_UID" "--regid=$LOCUM_GATE_GID" --init-groups -- "$@"
fi
echo ready >&3 && read -r LOCUM_GATE_BY <&3 && exec "$@" 3<&-
`;

/** Rejects when not even the shell can be started: no memory, too many processes, an environment too large. */
export async function openGate(plan: LaunchPlan, cgroup: string, outputFd: number): Promise<Gate> {
  const { user, candidates, args, workingDirectory } = plan;
  const by = user === undefined ? ['', '', ''] : [user.setpriv, String(user.uid), String(user.gid)];
  const front = [cgroup, workingDirectory, ...by, String(candidates.length), ...candidates];
  const child = spawn('/bin/sh', ['-c', SCRIPT, ...front, ...args], {
    cwd: '/',
    env: plan.env,
    // A session of its own: a signal for the keeper's group is not meant for it.
    detached: true,
    stdio: ['ignore', outputFd, outputFd, 'pipe'],
  });
  const ended = endOf(child);
  const { pid } = child;
  if (pid === undefined) throw await spawnError(child);
  // Such as a kill that is not permitted, where the program has become another user's: its cgroup is killed all the same.
  child.on('error', () => undefined);
  const pipe = child.stdio[3];
  if (!(pipe instanceof Socket)) throw new Error('the gate has no pipe');
  // Written to after the shell died; that is seen by its end.
  pipe.on('error', () => undefined);
  return {
    pid,
    ready: readiness(pipe, plan),
    ended,
    go: () => pipe.end('go\n'),
    kill: () => child.kill('SIGKILL'),
  };
}

function readiness(pipe: Socket, plan: LaunchPlan): Promise<true | Refusal> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(refuse('IO_ERROR', `${plan.workingDirectory} or the program in it does not answer`));
    }, READY_LIMIT_MS);
    let said = '';
    pipe.on('data', (data) => {
      said += data.toString();
      if (said !== 'ready\n') return;
      clearTimeout(timer);
      resolve(true);
    });
    // A shell that dies closes its end, after what it said last.
    const onEnd = (): void => {
      clearTimeout(timer);
      resolve(refusalOf(said, plan));
    };
    pipe.on('end', onEnd).on('close', onEnd);
  });
}

function refusalOf(said: string, { workingDirectory, wanted }: LaunchPlan): Refusal {
  const [word = '', ...rest] = said.trimEnd().split(' ');
  switch (word) {
    case 'NO_CGROUP':
      return refuse('NO_CGROUP', 'its first process could not join its cgroup');
    case 'WORKING_DIRECTORY_NOT_FOUND':
      return refuse('WORKING_DIRECTORY_NOT_FOUND', `${workingDirectory} is no folder that can be entered`);
    case 'PROGRAM_NOT_FOUND':
      return refuse('PROGRAM_NOT_FOUND', `there is no ${wanted}`);
    case 'PROGRAM_NOT_EXECUTABLE':
      return refuse('PROGRAM_NOT_EXECUTABLE', `${rest.join(' ')} is not an executable file`);
    default:
      return refuse('SPAWN_FAILED', 'the first process ended before it stood at its gate');
  }
}

function endOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? '' }));
  });
}

async function spawnError(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    child.once('error', resolve);
  });
}
