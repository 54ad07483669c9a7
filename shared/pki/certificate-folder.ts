/** A certificate with its key and the roots to trust, as three files of one folder; the names are those of a TLS secret of Kubernetes. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isGone, messageOf } from '../caught-error.ts';
import type { DiskLane } from '../disk-lane.ts';
import { TlsIdentity, type TlsMaterial } from '../rpc/tls-identity.ts';
import { MINUTE } from '../time.ts';
import { ExposedFileError, refuseWriters } from './private-file.ts';

const CERTIFICATE = 'tls.crt';
const KEY = 'tls.key';
/** Of the certificate that is about to take the place of the one that is there: whichever of the two is there, its key is, too. */
const NEXT_KEY = 'tls.key.next';
const ROOTS = 'ca.crt';
/** Between two looks whether somebody has put new files there. */
const LOOK_MS = MINUTE;

/**
 * Makes the folder, for its owner only, and puts all three there in place of what is there, without waiting for the disk in this thread.
 * Wherever it is cut short, the old certificate or the new one can be read, each with its key; after a power cut, too. Rejects with what
 * writing a file rejects with.
 */
export async function writeCertificateFolder(
  folder: string,
  { certPem, keyPem, rootsPem }: TlsMaterial,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // One that was cut short at its last step is ended first: the key that waits is the one that counts.
  const current = await readIfThere(join(folder, CERTIFICATE));
  if (current !== undefined && (await nextKey(folder, current)) !== undefined) await takeNextKey(folder);
  await replaceFile(folder, ROOTS, rootsPem);
  await replaceFile(folder, NEXT_KEY, keyPem);
  await replaceFile(folder, CERTIFICATE, certPem);
  await takeNextKey(folder);
}

async function takeNextKey(folder: string): Promise<void> {
  await rename(join(folder, NEXT_KEY), join(folder, KEY));
  await sync(folder);
}

async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const draft = join(folder, `${name}.new-${process.pid}`);
  await rm(draft, { force: true });
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(folder, name));
  await sync(folder);
}

/** What was renamed there stays so before anything else is. */
async function sync(folder: string): Promise<void> {
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Rejects with ExposedFileError when others can read the key or change what is there, and with what reading a file throws. */
export async function readCertificateFolder(folder: string): Promise<TlsMaterial> {
  refuseWriters(folder, await stat(folder));
  // One after the other: a disk that does not come back has one thread of the pool.
  const certPem = await readFile(join(folder, CERTIFICATE), 'utf8');
  const keyPem = (await nextKey(folder, certPem)) ?? (await readKey(join(folder, KEY)));
  const roots = join(folder, ROOTS);
  refuseWriters(roots, await stat(roots));
  return { certPem, keyPem, rootsPem: await readFile(roots, 'utf8') };
}

async function readKey(file: string): Promise<string> {
  const { mode } = await stat(file);
  if ((mode & 0o007) !== 0) throw new ExposedFileError(`${file} is open to all users of this host: chmod 600 it`);
  return readFile(file, 'utf8');
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Where writing was cut short: the key that waits, if this certificate is its own. */
async function nextKey(folder: string, certPem: string): Promise<string | undefined> {
  try {
    const keyPem = await readFile(join(folder, NEXT_KEY), 'utf8');
    return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem)) ? keyPem : undefined;
  } catch {
    // None that waits, or none that can be used: the one that counts says what is wrong.
    return undefined;
  }
}

/** Undefined: there is no such folder, or no certificate in it. Rejects as `readCertificateFolder`, and with TlsMaterialError. */
export async function identityIn(folder: string): Promise<TlsIdentity | undefined> {
  try {
    return new TlsIdentity(await readCertificateFolder(folder));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export interface FollowOptions {
  /** Of the disk, which may stall. */
  readonly lane: Pick<DiskLane, 'run'>;
  /** Told that new files were taken over (undefined), or why they were not. */
  readonly tell: (problem: string | undefined) => void;
  readonly signal: AbortSignal;
}

/**
 * Takes over what is put into the folder, until the signal. Files that do not fit together, as between two of three copies, are tried
 * again; meanwhile the old ones serve.
 */
export function followCertificateFolder(
  folder: string,
  identity: TlsIdentity,
  { lane, tell, signal }: FollowOptions,
): void {
  const look = async (): Promise<void> => {
    try {
      const found = await lane.run(() => readCertificateFolder(folder));
      const { certPem, keyPem, rootsPem } = identity.material;
      if (found.certPem === certPem && found.keyPem === keyPem && found.rootsPem === rootsPem) return;
      identity.replace(found);
      tell(undefined);
    } catch (error) {
      tell(messageOf(error));
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
