/** What a scraper has to show: made at the first start, for this user only, unless somebody names a file with another one. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../shared/caught-error.ts';
import { ExposedFileError, ofAFile } from '../../shared/pki/private-file.ts';

export const METRICS_TOKEN_FILE = 'metrics.token';
const SECRET_BYTES = 32;
/** Anybody, and a group that writes. */
const TOO_OPEN = 0o027;

/**
 * The text of the file; made if it is the agent's own and not there. Rejects with ExposedFileError, an Error that names an empty file, or
 * what the file system says.
 */
export async function openMetricsToken(
  stateDir: string,
  named: string,
): Promise<{ readonly file: string; readonly token: string }> {
  const file = named === '' ? join(stateDir, METRICS_TOKEN_FILE) : named;
  if (named === '') await makeUnlessThere(file);
  const { mode } = ofAFile(file, await stat(file));
  if ((mode & TOO_OPEN) !== 0) throw new ExposedFileError(`${file} is open to other users of this host: chmod 600 it`);
  const token = (await readFile(file, 'utf8')).trim();
  if (token === '') throw new Error(`${file} is empty`);
  return { file, token };
}

/** In one move, so that it is whole or not there; after a power cut, too. */
async function makeUnlessThere(file: string): Promise<void> {
  try {
    await stat(file);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    const draft = `${file}.new`;
    await writeFile(draft, `${randomBytes(SECRET_BYTES).toString('base64url')}\n`, { mode: 0o600, flush: true });
    await rename(draft, file);
  }
}

/** Whether a header `authorization` shows it; how long that takes says nothing of it. */
export function showsToken(authorization: string | undefined, token: string): boolean {
  const shown = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digestOf(shown), digestOf(token));
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
