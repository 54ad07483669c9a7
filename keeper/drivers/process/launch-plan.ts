/**
 * What exactly is run for a start: program, arguments, environment, folder. Where a program may be found is worked out here; whether it
 * is there is for the gate to see, as looking may hang.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { attemptMarks } from '../../../shared/host/process-group.ts';
import type { ResourceLimits, ValueSource } from '../../../shared/protocol/workload.ts';
import type { StartRequest } from '../../core/event.ts';
import { type Refusal, refuse } from '../../core/refusal.ts';
import type { AttemptFolders, FolderOwner } from '../../disk/attempt-folders.ts';
import type { Controller } from './cgroup-controllers.ts';
import { controllersOf } from './cgroup-limits.ts';
import { findUser, type HostUser } from './host-user.ts';
import type { AllowedSecrets, SecretReader } from './secrets.ts';

/** Where programs are looked for when neither the agent's base environment nor the workload says. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a start of a process carries. */
export interface ProcessWorkload {
  readonly program:
    | { readonly kind: 'command'; readonly argv: readonly string[] }
    | { readonly kind: 'script'; readonly interpreter: readonly string[]; readonly text: string };
  /** Behind those of the program: the run's own. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Variables whose values are secrets of the host. */
  readonly envFrom: Readonly<Record<string, ValueSource>>;
  /** What these may be. */
  readonly secrets: AllowedSecrets;
  /** Environment below the workload's own. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Empty: a fresh folder of the attempt. */
  readonly workingDirectory: string;
  /** Empty: the keeper's. */
  readonly user: string;
  /** What all of it together may take of the host. Undefined: whatever is there. */
  readonly resources: ResourceLimits | undefined;
}

export interface LaunchPlan {
  readonly kind: 'plan';
  /** The program as it was asked for, in words. */
  readonly wanted: string;
  /** Where it may be, best first; a path that is not absolute is below the working directory. */
  readonly candidates: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** Undefined: the keeper's own user. */
  readonly user: { readonly setpriv: string; readonly uid: number; readonly gid: number } | undefined;
  /** Of its cgroup. Undefined: none. */
  readonly limits?: ResourceLimits | undefined;
}

export interface PlanOptions {
  readonly folders: AttemptFolders;
  /** Of the state directory. */
  readonly key: string;
  readonly secrets: SecretReader;
  /** What the cgroups of attempts can hold. */
  readonly controllers: readonly Controller[];
}

const DEFAULT_INTERPRETER: readonly string[] = ['/bin/sh'];

/** Makes what the disk has to have for it, in a bounded time. @throws what the disk answers */
export async function planLaunch(start: StartRequest, options: PlanOptions): Promise<LaunchPlan | Refusal> {
  const workload = workloadOf(start);
  if (workload === undefined)
    return refuse('INVALID_REQUEST', 'it has no workload, or one of a kind that this keeper does not know');
  const lacks = controllersOf(workload.resources ?? {}).filter((one) => !options.controllers.includes(one));
  if (lacks.length > 0) return refuse('LIMITS_UNAVAILABLE', `this keeper can't hold limits of ${lacks.join(', ')}`);
  const found = workload.user === '' ? undefined : await findUser(workload.user);
  if (found?.kind === 'refusal') return found;
  const other = found !== undefined && found.uid !== process.getuid?.() ? found : undefined;
  const user = other && runAs(other);
  if (user?.kind === 'refusal') return user;

  const secrets = await options.secrets.read(workload.envFrom, workload.secrets);
  if (secrets.kind === 'refusal') return secrets;

  const workingDirectory = workload.workingDirectory || (await options.folders.makeWorkFolder(start, other));
  const [name = '', ...args] = await argvOf(start, workload, options.folders, other);
  if (name === '') return refuse('PROGRAM_NOT_FOUND', 'there is no ""');
  const env = environmentOf(start, { ...workload, env: { ...workload.env, ...secrets.env } }, found, options.key);
  const path = env['PATH'] ?? DEFAULT_PATH;
  return {
    kind: 'plan',
    ...lookup(name, path),
    args,
    env,
    workingDirectory,
    user,
    limits: workload.resources,
  };
}

/** What is run beside a program that runs, in its place. */
export function planBeside(plan: LaunchPlan, [name = '', ...args]: readonly string[]): LaunchPlan {
  return { ...plan, ...lookup(name, plan.env['PATH'] ?? DEFAULT_PATH), args };
}

/** As a shell would: a name with a slash from the working directory, any other along the path. */
function lookup(name: string, path: string): Pick<LaunchPlan, 'wanted' | 'candidates'> {
  if (name.includes('/')) return { wanted: JSON.stringify(name), candidates: [name] };
  const candidates = path.split(delimiter).map((folder) => join(folder || '.', name));
  return { wanted: `${JSON.stringify(name)} on PATH (${path})`, candidates };
}

/** The only place that knows what the core carries through unread. */
function workloadOf({ workload }: StartRequest): ProcessWorkload | undefined {
  return workload as ProcessWorkload | undefined;
}

async function argvOf(
  start: StartRequest,
  { program, args }: ProcessWorkload,
  folders: AttemptFolders,
  owner: FolderOwner | undefined,
): Promise<string[]> {
  switch (program.kind) {
    case 'command':
      return [...program.argv, ...args];
    case 'script': {
      const { interpreter, text } = program;
      const file = await folders.writeScript(start, text, owner);
      return [...(interpreter.length > 0 ? interpreter : DEFAULT_INTERPRETER), file, ...args];
    }
  }
}

/** The workload's own entries count over the agent's base; ours count over both. Nothing of the keeper's own is in it. */
function environmentOf(
  start: StartRequest,
  { env, baseEnv }: Pick<ProcessWorkload, 'env' | 'baseEnv'>,
  user: HostUser | undefined,
  key: string,
): Record<string, string> {
  const marks = attemptMarks(start, key).map((mark) => mark.split('='));
  return {
    PATH: DEFAULT_PATH,
    ...baseEnv,
    ...(user && { HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: user.shell }),
    ...env,
    LOCUM_POLICY: start.policy,
    ...Object.fromEntries(marks),
  };
}

/** The program in front that changes the user: joining the cgroup needs the keeper's rights, so it comes after that. */
function runAs({ name, uid, gid }: HostUser): Refusal | (NonNullable<LaunchPlan['user']> & { kind: 'as' }) {
  const setpriv = DEFAULT_PATH.split(delimiter)
    .map((folder) => join(folder, 'setpriv'))
    .find((path) => isAbsolute(path) && isExecutable(path));
  if (setpriv !== undefined) return { kind: 'as', setpriv, uid, gid };
  return refuse('USER_NOT_PERMITTED', `running a program as ${name} needs setpriv (util-linux), which is not there`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
