/** Looks before it leaps: a shell would answer 127 or 126 for what can be said in words. */
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { type Refusal, refuse } from './core/refusal.ts';

/** Where programs are looked for when neither the agent's base environment nor the workload says. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

type Found = { readonly kind: 'program'; readonly path: string };

/** Finds a program as a shell would: a name with a slash from the working directory, any other along `path`. */
export async function findProgram(name: string, path: string, workingDirectory: string): Promise<Found | Refusal> {
  const candidates = name.includes('/')
    ? [isAbsolute(name) ? name : join(workingDirectory, name)]
    : path.split(delimiter).map((folder) => join(isAbsolute(folder) ? folder : join(workingDirectory, folder), name));
  let present: string | undefined;
  for (const candidate of name === '' ? [] : candidates) {
    const kind = await kindOf(candidate);
    if (kind === 'executable') return { kind: 'program', path: candidate };
    if (kind === 'present') present ??= candidate;
  }
  if (present !== undefined) {
    return refuse('PROGRAM_NOT_EXECUTABLE', `${present} is not an executable file`);
  }
  const where = name.includes('/') ? '' : ` on PATH (${path})`;
  return refuse('PROGRAM_NOT_FOUND', `there is no ${JSON.stringify(name)}${where}`);
}

/** The refusal for a working directory that is not there; undefined when it is. */
export async function checkWorkingDirectory(path: string): Promise<Refusal | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return undefined;
  const problem = found === undefined ? 'does not exist, or can not be reached' : 'is not a directory';
  return refuse('WORKING_DIRECTORY_NOT_FOUND', `${path} ${problem}`);
}

async function kindOf(path: string): Promise<'executable' | 'present' | 'missing'> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'missing';
  if (!found.isFile()) return 'present';
  return access(path, constants.X_OK).then(
    () => 'executable',
    () => 'present',
  );
}
