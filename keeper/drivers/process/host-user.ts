/** Users of the host, as its own tools name them: they may come from elsewhere than /etc/passwd. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Refusal, refuse } from '../../core/refusal.ts';

export interface HostUser {
  readonly kind: 'user';
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

const LOOKUP_LIMIT_MS = 2_000;

/** The user, or why nothing can run as that user here. */
export async function findUser(name: string): Promise<HostUser | Refusal> {
  const user = parseUser(await entryOf(name));
  if (user === undefined) return refuse('USER_NOT_FOUND', `this host has no user ${JSON.stringify(name)}`);
  const own = process.getuid?.();
  if (own !== 0 && own !== user.uid) {
    return refuse('USER_NOT_PERMITTED', `the keeper runs as user ${own}: only root can run a program as ${name}`);
  }
  return user;
}

/** Empty for an unknown name. */
async function entryOf(name: string): Promise<string> {
  const found = await promisify(execFile)('getent', ['passwd', '--', name], { timeout: LOOKUP_LIMIT_MS }).catch(
    () => undefined,
  );
  return found?.stdout ?? '';
}

/** A line of the form of /etc/passwd; undefined for anything else. */
export function parseUser(line: string): HostUser | undefined {
  const [name, , uidText, gidText, , home, shell] = line.trim().split(':');
  const [uid, gid] = [Number(uidText), Number(gidText)];
  if (!name || !uidText || !gidText || !Number.isInteger(uid) || !Number.isInteger(gid)) return undefined;
  return { kind: 'user', name, uid, gid, home: home || '/', shell: shell || '/bin/sh' };
}
