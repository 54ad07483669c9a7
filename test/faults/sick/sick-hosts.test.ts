import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { networkObstacle } from '../namespace.ts';

/** A world takes about half a minute; on a busy machine more. */
const LIMIT_MS = 180_000;

/** A few sicknesses of each kind with a fifth of the timers; `npm run faults` plays all of them, in each mode, with the default timers. */
const WORLDS = [
  { mode: 'controller restart', only: ['disk read-only', 'keeper stopped (SIGSTOP)', 'no processes', 'log full'] },
  { mode: 'network cut', only: ['disk frozen', 'disk full;', 'no descriptors: keeper', 'no cgroups', 'log gone'] },
] as const;

async function play({
  mode,
  only,
}: (typeof WORLDS)[number]): Promise<{ readonly code: unknown; readonly told: string }> {
  const settings = { PART: 'sick', MODE: mode, ONLY: only.join(','), SCALE: '0.2' };
  const env = Object.entries(settings).map(([name, value]) => [`LOCUM_FAULTS_${name}`, value]);
  const suite = spawn(process.execPath, [join(import.meta.dirname, '../main.ts')], {
    timeout: LIMIT_MS,
    env: { ...process.env, ...Object.fromEntries(env) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  for (const stream of [suite.stdout, suite.stderr]) stream.on('data', (text: Buffer) => (told += text.toString()));
  const code = await new Promise((resolve) => suite.once('close', resolve));
  return { code, told };
}

it('sick hosts, cut off or with a new leader: never two at once, taken over in time, and well again by themselves', {
  timeout: LIMIT_MS + 30_000,
}, async (ctx) => {
  const obstacle = networkObstacle();
  if (obstacle !== undefined) ctx.skip(obstacle);
  for (const { code, told } of await Promise.all(WORLDS.map(play))) {
    expect(told).toMatch(/sick hosts: [1-9]\d*, overlaps: 0, failed: 0/);
    expect(code, told).toBe(0);
    console.log(told);
  }
});
