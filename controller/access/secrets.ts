/** What proves a token: made here once, kept as a hash. Pure but for its randomness. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_ROOTS_FILE, LOCAL_TOKEN_FILE } from '../../shared/access/local-files.ts';
import { readPrivateFile, replacePrivateFile } from '../../shared/pki/private-file.ts';

const SECRET_BYTES = 32;
const ID_BYTES = 10;
const TOKEN = /^locum_([a-z0-9]{1,32})_([A-Za-z0-9_-]{43})$/;
const LOCAL_ID = 'local';

export interface MadeSecret {
  readonly id: string;
  /** For the header `authorization: Bearer …`. */
  readonly secret: string;
  readonly hash: string;
}

export function makeSecret(id: string = randomBytes(ID_BYTES).toString('hex')): MadeSecret {
  const secret = `locum_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { id, secret, hash: hashOf(secret) };
}

export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** The id in a token; undefined: it is none of ours. */
export const idOfSecret = (secret: string): string | undefined => TOKEN.exec(secret)?.[1];

export function isSecretOf(secret: string, hash: string): boolean {
  const [own, other] = [Buffer.from(hashOf(secret)), Buffer.from(hash)];
  return own.length === other.length && timingSafeEqual(own, other);
}

export const isLocalSecret = (secret: string): boolean => idOfSecret(secret) === LOCAL_ID;

/**
 * The administrator of this host, made at the first start, and again where the file is gone or holds no token. Beside it lie the roots by which he knows this controller, for as long as it speaks
 * TLS (`rootsPem`, PEM). @throws ExposedFileError: others can read it
 */
export function openLocalToken(
  dataDirectory: string,
  rootsPem: string | undefined,
): { readonly file: string; readonly hash: string } {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  // First: whoever finds the token must not take this controller for one that speaks plaintext.
  if (rootsPem === undefined) rmSync(join(dataDirectory, LOCAL_ROOTS_FILE), { force: true });
  else writeLocalRoots(dataDirectory, rootsPem);
  const file = join(dataDirectory, LOCAL_TOKEN_FILE);
  const held = existsSync(file) ? readPrivateFile(file).trim() : '';
  if (isLocalSecret(held)) return { file, hash: hashOf(held) };
  // Also in place of what is no token: it would lock the administrator out.
  const { secret, hash } = makeSecret(LOCAL_ID);
  replacePrivateFile(file, `${secret}\n`);
  return { file, hash };
}

/** By which this host's administrator knows its controller. */
export const writeLocalRoots = (dataDirectory: string, rootsPem: string): void =>
  replacePrivateFile(join(dataDirectory, LOCAL_ROOTS_FILE), rootsPem);
