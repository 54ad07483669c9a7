/** What exactly is run for a start: program, arguments, environment, folder. Everything that can be refused in words is refused here. */
import type { Start } from '../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { attemptMarks } from '../shared/host/process-group.ts';
import type { AttemptFolders, FolderOwner } from './attempt-folders.ts';
import { type Refusal, refuse } from './core/refusal.ts';
import { findUser, type HostUser } from './host-user.ts';
import { checkWorkingDirectory, DEFAULT_PATH, findProgram } from './program-lookup.ts';

export interface LaunchPlan {
  readonly kind: 'plan';
  /** The program's path first. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
}

export interface PlanOptions {
  readonly folders: AttemptFolders;
  /** Of the state directory. */
  readonly key: string;
}

const DEFAULT_INTERPRETER: readonly string[] = ['/bin/sh'];

export async function planLaunch(start: Start, options: PlanOptions): Promise<LaunchPlan | Refusal> {
  const { workload } = start.command ?? {};
  if (workload === undefined) return refuse('INVALID_REQUEST', 'there is no workload to run');
  const user = workload.user === '' ? undefined : await findUser(workload.user);
  if (user?.kind === 'refusal') return user;
  const other = user !== undefined && user.uid !== process.getuid?.() ? user : undefined;

  const epoch = Number(start.epoch);
  const workingDirectory = workload.workingDirectory || (await options.folders.makeWorkFolder(start.run, epoch, other));
  const missing = await checkWorkingDirectory(workingDirectory);
  if (missing !== undefined) return missing;

  const argv = await argvOf(start, options.folders, other);
  const env = environmentOf(start, user, options.key);
  const program = await findProgram(argv[0] ?? '', env['PATH'] ?? DEFAULT_PATH, workingDirectory);
  if (program.kind === 'refusal') return program;
  const plan = { kind: 'plan', argv: [program.path, ...argv.slice(1)], env, workingDirectory } as const;
  return other === undefined ? plan : asUser(other, plan);
}

async function argvOf(start: Start, folders: AttemptFolders, owner: FolderOwner | undefined): Promise<string[]> {
  const { workload, arguments: runArguments = [] } = start.command ?? {};
  switch (workload?.kind.case) {
    case 'command':
      return [...workload.kind.value.argv, ...runArguments];
    case 'script': {
      const { interpreter, text } = workload.kind.value;
      const file = await folders.writeScript(start.run, Number(start.epoch), text, owner);
      return [...(interpreter.length > 0 ? interpreter : DEFAULT_INTERPRETER), file, ...runArguments];
    }
    case undefined:
      return [];
  }
}

/** The workload's own entries count over the agent's base; ours count over both. Nothing of the keeper's own is in it. */
function environmentOf(start: Start, user: HostUser | undefined, key: string): Record<string, string> {
  const marks = attemptMarks({ run: start.run, epoch: Number(start.epoch) }, key).map((mark) => mark.split('='));
  return {
    PATH: DEFAULT_PATH,
    ...start.baseEnv,
    ...(user && { HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: user.shell }),
    ...start.command?.workload?.env,
    LOCUM_POLICY: start.policy,
    ...Object.fromEntries(marks),
  };
}

/** The program in front that changes the user: joining the cgroup needs the keeper's rights, so it comes after that. */
async function asUser({ name, uid, gid }: HostUser, plan: LaunchPlan): Promise<LaunchPlan | Refusal> {
  const setpriv = await findProgram('setpriv', DEFAULT_PATH, '/');
  if (setpriv.kind === 'refusal') {
    return refuse('USER_NOT_PERMITTED', `running a program as ${name} needs setpriv (util-linux), which is not there`);
  }
  const front = [setpriv.path, `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
  return { ...plan, argv: [...front, ...plan.argv] };
}
