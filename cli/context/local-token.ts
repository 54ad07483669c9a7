/** The token that a controller leaves in its data directory for the administrator of its host. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { LOCAL_ROOTS_FILE, LOCAL_TOKEN_FILE } from '../../shared/access/local-files.ts';
import { errorCode, isGone } from '../../shared/caught-error.ts';

/** Of the service that comes with the packages (deploy/systemd/locum-controller.service). */
const SERVICE_DATA = '/var/lib/locum';

export interface LocalToken {
  /** The first one that can be read. */
  readonly file: string | undefined;
  /** Beside it, the roots by which that controller is known. Undefined: it speaks plaintext. */
  readonly rootsFile: string | undefined;
  /** Without it, one that is there, and is another user's. */
  readonly outOfReach: string | undefined;
  /** Without it, where one should be: the roots of its controller are there. */
  readonly gone: string | undefined;
}

/** `LOCUM_DATA_DIR` says where; else it is looked for where a controller of this user, and the service of this host, have their data. */
export function findLocalToken(env: NodeJS.ProcessEnv): LocalToken {
  let [outOfReach, gone, rootsOfGone]: (string | undefined)[] = [];
  for (const folder of dataDirectories(env)) {
    const file = join(folder, LOCAL_TOKEN_FILE);
    const roots = join(folder, LOCAL_ROOTS_FILE);
    const rootsFile = existsSync(roots) ? roots : undefined;
    try {
      accessSync(file, constants.R_OK);
      if (statSync(file).isFile()) return { file, rootsFile, outOfReach: undefined, gone: undefined };
    } catch (error) {
      if (errorCode(error) === 'EACCES') outOfReach ??= file;
      if (isGone(error) && rootsFile !== undefined) [gone, rootsOfGone] = [file, rootsFile];
    }
  }
  return { file: undefined, rootsFile: rootsOfGone, outOfReach, gone };
}

/**
 * Ids of the users whom those directories belong to: who runs a controller of this host. Only root makes the one of the service, and the
 * others are this user's, or he named them.
 */
export const dataOwners = (env: NodeJS.ProcessEnv): readonly number[] =>
  dataDirectories(env).flatMap((folder) => statSync(folder, { throwIfNoEntry: false })?.uid ?? []);

function dataDirectories(env: NodeJS.ProcessEnv): readonly string[] {
  const named = env['LOCUM_DATA_DIR'] ?? '';
  if (named !== '') return [named];
  const state = env['XDG_STATE_HOME'] ?? '';
  return [join(isAbsolute(state) ? state : join(homedir(), '.local', 'state'), 'locum'), SERVICE_DATA];
}
