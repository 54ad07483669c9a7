/** `owner.json` in the folder of a forgotten attempt: what a later keeper must know to keep its output for as long as this one would. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OutputOwner } from '../core/output-retention.ts';

const pathIn = (folder: string): string => join(folder, 'owner.json');

export async function writeOwner(folder: string, { policy, failed, endedWall, wanted }: OutputOwner): Promise<void> {
  await writeFile(pathIn(folder), `${JSON.stringify({ policy, failed, endedWall, wanted })}\n`, { mode: 0o600 });
}

/** Of a folder where it is missing or half written, what the folder itself says. */
export async function readOwner(folder: string): Promise<OutputOwner> {
  const text = await readFile(pathIn(folder), 'utf8').catch(() => '');
  return parseOwner(text) ?? { policy: '', failed: false, endedWall: (await stat(folder)).mtimeMs };
}

function parseOwner(text: string): OutputOwner | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { policy, failed, endedWall, wanted }: Partial<Record<keyof OutputOwner, unknown>> = parsed;
  if (typeof policy !== 'string' || typeof failed !== 'boolean' || typeof endedWall !== 'number') return undefined;
  return { policy, failed, endedWall, ...wantedIn(wanted) };
}

function wantedIn(value: unknown): Pick<OutputOwner, 'wanted'> {
  if (typeof value !== 'object' || value === null) return {};
  const { bytes, ageMs }: Partial<Record<'bytes' | 'ageMs', unknown>> = value;
  return {
    wanted: {
      ...(typeof bytes === 'number' ? { bytes } : {}),
      ...(typeof ageMs === 'number' ? { ageMs } : {}),
    },
  };
}
