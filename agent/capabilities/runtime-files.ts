/** Which files the runtimes are: as long as they are the same, none of them has to be started to be asked for its version. */
import { realpath, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { RUNTIME_PROGRAMS } from './runtimes.ts';

/** Folders beside a program, by its name, in which versions are installed side by side. */
const VERSIONS_BESIDE: Readonly<Record<string, string>> = { dotnet: 'shared/Microsoft.NETCore.App' };

/** A text that is another one when a runtime was installed, upgraded or removed. */
export async function runtimeFiles(env: NodeJS.ProcessEnv): Promise<string> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return (await Promise.all(RUNTIME_PROGRAMS.map((program) => fileOf(program, folders)))).join('\n');
}

async function fileOf(program: string, folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    const path = join(folder, program);
    const seen = await seenAt(path);
    if (seen === undefined) continue;
    const beside = VERSIONS_BESIDE[program];
    const versions = beside === undefined ? '' : await seenAt(join(dirname(await realpath(path)), beside));
    return `${path} ${seen} ${versions ?? ''}`;
  }
  return '';
}

/** Undefined: nothing is there that could be seen. */
async function seenAt(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}
