/**
 * The authority of a cluster on disk: made by the first controller in its data directory, or given as files. Controllers that share an
 * etcd share its two files as well. A controller with the roots but without a key serves; it signs nothing.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isGone } from '../../shared/caught-error.ts';
import { Authority, AuthorityError, makeAuthority } from '../../shared/pki/authority.ts';
import {
  createPrivateFile,
  readPrivateFile,
  readTrustedFile,
  replacePrivateFile,
} from '../../shared/pki/private-file.ts';

/** Name of the folder in the data directory. */
export const PKI_FOLDER = 'pki';
export const ROOTS = 'ca.crt';
export const KEY = 'ca.key';

export interface AuthorityPlace {
  readonly clusterId: string;
  readonly dataDirectory: string;
  /** PEM of one or more roots, the one that signs first. Default: in the data directory, made if it is not there. */
  readonly caFile?: string | undefined;
  /** PEM of the key of the first root. Default with `caFile`: none, nothing is signed here. */
  readonly caKeyFile?: string | undefined;
  /** Keys with which the store keeps those of the authority. Default: they are in files. */
  readonly wrappingKeyFile?: string | undefined;
  readonly nowMs: number;
}

export interface ClusterAuthority {
  /** All roots to trust. */
  readonly rootsPem: string;
  /** Undefined: somebody else signs. */
  readonly authority: Authority | undefined;
  /** It was made just now. */
  readonly isNew: boolean;
}

/** Rejects with AuthorityError, ExposedFileError, and what reading a file throws. */
export async function openClusterAuthority(place: AuthorityPlace): Promise<ClusterAuthority> {
  const { caFile, caKeyFile } = place;
  if (caFile !== undefined) {
    const rootsPem = readTrustedFile(caFile);
    const authority = caKeyFile === undefined ? undefined : await open(rootsPem, readPrivateFile(caKeyFile), caFile);
    return { rootsPem, authority, isNew: false };
  }
  const folder = join(place.dataDirectory, PKI_FOLDER);
  const [rootsFile, keyFile] = [join(folder, ROOTS), join(folder, KEY)];
  const keyPem = readIfThere(keyFile);
  if (keyPem !== undefined) {
    const rootsPem = readRoots(rootsFile);
    return { rootsPem, authority: await open(rootsPem, keyPem, rootsFile), isNew: false };
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { certPem: rootsPem, keyPem: newKey } = await makeAuthority(place.clusterId, place.nowMs);
  // The certificate first: a key without it, after a power cut, would be of an authority that nobody can know.
  replacePrivateFile(rootsFile, rootsPem);
  if (!createPrivateFile(keyFile, newKey)) throw new AuthorityError(`${keyFile} was made by another process just now`);
  return { rootsPem, authority: await open(rootsPem, newKey, rootsFile), isNew: true };
}

/** This controller has made an authority of its own. */
export const hasOwnFiles = (dataDirectory: string): boolean => existsSync(join(dataDirectory, PKI_FOLDER, KEY));

async function open(rootsPem: string, keyPem: string, file: string): Promise<Authority> {
  try {
    // Of several roots in one text, X.509 parsers read the first: the one that signs.
    return await Authority.open({ certPem: rootsPem, keyPem });
  } catch (error) {
    if (error instanceof AuthorityError) throw new AuthorityError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readPrivateFile(file);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** The key says that this authority exists: to make another one would lock out all who trust it. */
function readRoots(file: string): string {
  try {
    return readTrustedFile(file);
  } catch (error) {
    if (!isGone(error)) throw error;
    throw new AuthorityError(`${file} is missing, its key is there: put it back, every agent has a copy`, {
      cause: error,
    });
  }
}
