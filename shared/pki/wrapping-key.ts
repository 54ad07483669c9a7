/**
 * Keys with which the private keys of an authority are encrypted where others can read what is kept: AES-256-GCM, bound to the cluster and
 * the root that a key belongs to, so that what is copied elsewhere opens nothing.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readPrivateFile } from './private-file.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID_DIGITS = 16;
/** Of a file: while one key takes the place of another, two. */
const MAX_KEYS = 8;

/** The file of wrapping keys is not what it should be. The message never has a key in it. */
export class WrappingKeyError extends Error {
  override readonly name = 'WrappingKeyError';
}

/** What an encrypted key is bound to. */
export interface WrappedFor {
  readonly clusterId: string;
  /** Hash of the root. */
  readonly root: string;
}

export interface Wrapped {
  /** Id of the wrapping key. */
  readonly by: string;
  readonly data: Uint8Array;
}

interface WrappingKey {
  readonly id: string;
  readonly key: Buffer;
}

/** A new key, as a line of a file. */
export const newWrappingKey = (): string => `${randomBytes(KEY_BYTES).toString('base64')}\n`;

export class WrappingKeys {
  readonly #keys: readonly [WrappingKey, ...WrappingKey[]];

  private constructor(keys: readonly [WrappingKey, ...WrappingKey[]]) {
    this.#keys = keys;
  }

  /**
   * Of a file with one key a line, 32 bytes in base64, as `openssl rand -base64 32` prints them. The first one wraps; all of them open.
   * @throws WrappingKeyError, ExposedFileError, what reading a file throws
   */
  static read(file: string): WrappingKeys {
    const lines = readPrivateFile(file)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    const [first, ...others] = lines.map((line, index) => keyOf(line, `${file}, key ${index + 1}`));
    if (first === undefined || others.length >= MAX_KEYS)
      throw new WrappingKeyError(`${file} has ${lines.length} keys: 1 to ${MAX_KEYS} are wanted, one a line`);
    return new WrappingKeys([first, ...others]);
  }

  /** Of the key that wraps. */
  get firstId(): string {
    return this.#keys[0].id;
  }

  get ids(): readonly string[] {
    return this.#keys.map(({ id }) => id);
  }

  wrap(text: string, bound: WrappedFor): Wrapped {
    const [{ id, key }] = this.#keys;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(bound));
    const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return { by: id, data: Buffer.concat([nonce, cipher.getAuthTag(), data]) };
  }

  /** Undefined: it was wrapped with another key. @throws WrappingKeyError: it was changed since, or is of another cluster or root */
  unwrap({ by, data }: Wrapped, bound: WrappedFor): string | undefined {
    const found = this.#keys.find(({ id }) => id === by);
    if (found === undefined) return undefined;
    const [nonce, tag] = [data.subarray(0, NONCE_BYTES), data.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)];
    try {
      const decipher = createDecipheriv('aes-256-gcm', found.key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(bound)).setAuthTag(tag);
      return Buffer.concat([decipher.update(data.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString();
    } catch {
      throw new WrappingKeyError(
        `the key of root ${bound.root} in the store is damaged, or is that of another cluster: restore a snapshot`,
      );
    }
  }
}

function keyOf(line: string, where: string): WrappingKey {
  const key = Buffer.from(line, 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== line)
    throw new WrappingKeyError(`${where}: 32 bytes in base64 are wanted, as \`openssl rand -base64 32\` prints them`);
  const id = createHash('sha256').update('locum wrapping key\n').update(key).digest('hex').slice(0, ID_DIGITS);
  return { id, key };
}

const boundTo = ({ clusterId, root }: WrappedFor): Buffer =>
  Buffer.from(`locum authority key\n${clusterId}\n${root}`, 'utf8');
