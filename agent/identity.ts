/**
 * Who this agent is (semantics, section 2: place). `instance.json` in the state directory holds what was made here once and what a
 * leader gave; machine and boot are the host's.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../shared/caught-error.ts';

export interface Identity {
  /** Made once in this state directory. */
  readonly instanceId: string;
  /** Id of the server that this state directory belongs to. */
  readonly server: string;
  /** Uid that a leader gave; empty: none yet. */
  readonly uid: string;
  /** Identity of the store that this state directory belongs to; empty: none yet. */
  readonly clusterId: string;
  /** Highest term that was worked for. */
  readonly highestTerm: number;
  /** Stands for the host where it has no identity of its own. */
  readonly machineId: string;
}

/** The state directory can not be used as it is. The message says what to do. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
}

const fileIn = (stateDir: string): string => join(stateDir, 'instance.json');

/** Reads the identity, or makes one. @throws IdentityError when it is damaged or of another server. */
export async function loadIdentity(stateDir: string, server: string): Promise<Identity> {
  const text = await readFile(fileIn(stateDir), 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) {
    const made = { instanceId: randomUUID(), server, uid: '', clusterId: '', highestTerm: 0, machineId: randomUUID() };
    await saveIdentity(stateDir, made);
    return made;
  }
  const identity = parseIdentity(text);
  if (identity === undefined) {
    throw new IdentityError(
      `${fileIn(stateDir)} is damaged: restore it, or give this agent a new state directory (it is then a new server to the cluster)`,
    );
  }
  if (identity.server !== server) {
    throw new IdentityError(
      `${stateDir} belongs to the server ${identity.server}, not to ${server}: start the agent as ${identity.server}, or give it another state directory`,
    );
  }
  return identity;
}

/** Durable when it resolves: written beside, synced, and put in the place of the old one. */
export async function saveIdentity(stateDir: string, identity: Identity): Promise<void> {
  const beside = `${fileIn(stateDir)}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(identity, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, fileIn(stateDir));
}

function parseIdentity(text: string): Identity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isIdentity(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const facts = new Map<string, unknown>(Object.entries(value));
  const texts = ['instanceId', 'server', 'uid', 'clusterId', 'machineId'];
  return texts.every((name) => typeof facts.get(name) === 'string') && Number.isSafeInteger(facts.get('highestTerm'));
}

/** The host's own identity, or the given one where it has none. */
export function hostMachineId(otherwise: string): string {
  const id = readIfThere('/etc/machine-id')?.trim() ?? '';
  return id === '' || id === 'uninitialized' ? otherwise : id;
}

/** Identity of this boot of the host. Where the kernel does not tell, `unknown`: then a new boot proves nothing. */
export function hostBootId(): string {
  return readIfThere('/proc/sys/kernel/random/boot_id')?.trim() || 'unknown';
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
