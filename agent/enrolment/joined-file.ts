/** What `locum agent join` settled, in the state directory: an agent that is started there needs no flag for it. */
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isGone } from '../../shared/caught-error.ts';
import { DiskLane, DiskStalledError } from '../../shared/disk-lane.ts';
import { AgentConfigSchema } from '../../shared/gen/locum/config/v1/agent_config_pb.ts';
import { replacePrivateFile } from '../../shared/pki/private-file.ts';
import { parseStrict } from '../../shared/rpc/strict-json.ts';
import type { JoinedSettings } from '../config.ts';

const FILE = 'agent.yaml';
/** Beside the certificate: the token that it was given for. Where it is, the certificate is ours to renew. */
export const USED_TOKEN = 'join-token-id';
/** A disk that does not answer by then is not waited for: the agent has runs to look after. */
const DISK_LIMIT_MS = 2_000;

export function writeJoined(stateDir: string, { server, pool, controllers }: JoinedSettings): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const lines = [
    '# Written by `locum agent join`. A configuration file that is named to the agent, and its flags, go before it.',
    `server: ${server}`,
    `pool: ${pool}`,
    `controllers: ${JSON.stringify(controllers)}`,
  ];
  replacePrivateFile(join(stateDir, FILE), `${lines.join('\n')}\n`);
}

/** Undefined: nobody joined there. Rejects with LocumError INVALID_FIELD for a file that can't be read as one; DiskStalledError. */
export async function readJoined(stateDir: string): Promise<JoinedSettings | undefined> {
  const file = join(stateDir, FILE);
  const lane = new DiskLane(stateDir, DISK_LIMIT_MS);
  try {
    const { server, pool, controllers } = parseStrict(AgentConfigSchema, await lane.run(() => readFile(file, 'utf8')), {
      source: file,
    });
    return { server, pool, controllers };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/**
 * The same, for an agent that is starting. Where the disk stalls, what was settled there can't be known, and neither can its certificate:
 * it goes on without, for the sake of what runs. Rejects with LocumError INVALID_FIELD.
 */
export async function joinedWhere(stateDir: string): Promise<JoinedSettings | undefined> {
  try {
    return await readJoined(stateDir);
  } catch (error) {
    if (error instanceof DiskStalledError) return undefined;
    throw error;
  }
}
