/**
 * Values of environment variables that are secrets of this host: read when an attempt starts, and given to the program alone. What a policy
 * may take is said by the agent's configuration, never by the policy. Nothing here, and no reason of a refusal, tells a value.
 */
import { constants, type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { isGone, messageOf } from '../../../shared/caught-error.ts';
import { DiskLane } from '../../../shared/disk-lane.ts';
import type { ValueSource } from '../../../shared/protocol/workload.ts';
import { type Refusal, refuse } from '../../core/refusal.ts';

export interface AllowedSecrets {
  /** Absolute paths of folders whose files may be taken. */
  readonly directories: readonly string[];
  /** Of the agent's variables, those that may be taken. */
  readonly agentEnv: Readonly<Record<string, string>>;
}

export interface SecretValues {
  readonly kind: 'values';
  readonly env: Readonly<Record<string, string>>;
}

const MAX_BYTES = 32 * 1024;
/** A folder of secrets may be on a disk that stalls, or on a network. */
const READ_LIMIT_MS = 2_000;

export class SecretReader {
  readonly #lane = new DiskLane('secrets', READ_LIMIT_MS);

  /** All of them, or why the first that is missing is missing. */
  async read(sources: Readonly<Record<string, ValueSource>>, allowed: AllowedSecrets): Promise<SecretValues | Refusal> {
    const env: Record<string, string> = {};
    for (const [variable, source] of Object.entries(sources)) {
      const found = await this.#valueOf(source, allowed);
      if (found.kind === 'refusal') return { ...found, detail: `${variable}: ${found.detail}` };
      env[variable] = found.value;
    }
    return { kind: 'values', env };
  }

  async #valueOf(source: ValueSource, { directories, agentEnv }: AllowedSecrets): Promise<Value | Refusal> {
    if (source.kind === 'agent_env') {
      const value = agentEnv[source.name];
      if (value !== undefined) return { kind: 'value', value };
      const detail = `the agent has no variable ${source.name} that policies may take (secrets.agent_env of its configuration)`;
      return refuse('SECRET_NOT_PERMITTED', detail);
    }
    try {
      return await this.#lane.run(() => readFrom(source.path, directories));
    } catch (error) {
      return unavailable(source.path, messageOf(error));
    }
  }
}

interface Value {
  readonly kind: 'value';
  readonly value: string;
}

const unavailable = (path: string, why: string): Refusal => refuse('SECRET_UNAVAILABLE', `${path}: ${why}`);

/** The first folder that has it counts. */
async function readFrom(path: string, directories: readonly string[]): Promise<Value | Refusal> {
  const places = directories.flatMap((directory) => {
    const file = resolve(directory, path);
    return isBelow(file, directory) ? [{ directory, file }] : [];
  });
  if (places.length === 0) return notPermitted(path, directories);
  for (const { directory, file } of places) {
    const handle = await openIfThere(file);
    if (handle === undefined) continue;
    try {
      return await readOpen(handle, { path, directory, directories });
    } finally {
      await handle.close();
    }
  }
  return unavailable(path, `there is no such file in ${directories.join(', ')}`);
}

/** Without waiting for somebody to write, where it is a named pipe. */
async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

interface Place {
  readonly path: string;
  readonly directory: string;
  readonly directories: readonly string[];
}

/** What was opened is looked at, not its name: that may stand for something else by now. */
async function readOpen(handle: FileHandle, { path, directory, directories }: Place): Promise<Value | Refusal> {
  const real = await readlink(`/proc/self/fd/${handle.fd}`);
  if (!isBelow(real, await realpath(directory))) return notPermitted(path, directories);
  if (!(await handle.stat()).isFile()) return unavailable(path, 'it is no regular file');
  const buffer = Buffer.alloc(MAX_BYTES + 2);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  const value = textOf(buffer.subarray(0, bytesRead));
  if (value === undefined) return unavailable(path, 'it is no UTF-8 text');
  if (Buffer.byteLength(value) > MAX_BYTES) return unavailable(path, `it has more than ${MAX_BYTES} bytes`);
  if (value.includes('\0')) return unavailable(path, 'it has a zero byte, which no environment variable can have');
  return { kind: 'value', value };
}

/** Without the line feed that editors and `echo` leave at the end. */
function textOf(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}

function notPermitted(path: string, directories: readonly string[]): Refusal {
  const where = directories.length === 0 ? 'no folder at all' : directories.join(', ');
  return refuse('SECRET_NOT_PERMITTED', `${path} is not in what policies may take (secrets.directories): ${where}`);
}

function isBelow(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}
