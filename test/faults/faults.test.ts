import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { networkObstacle } from './namespace.ts';

/** A round takes about 80 s; on a busy machine more. */
const LIMIT_MS = 240_000;

it('real faults of processes, hosts and networks: never two at once, taken over in time, nothing stopped without need', {
  timeout: LIMIT_MS + 30_000,
}, async (ctx) => {
  const obstacle = networkObstacle();
  if (obstacle !== undefined) ctx.skip(obstacle);
  const suite = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    timeout: LIMIT_MS,
    // Sick hosts have a test of their own.
    env: { ...process.env, LOCUM_FAULTS_PART: 'processes' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  for (const stream of [suite.stdout, suite.stderr]) stream.on('data', (text: Buffer) => (told += text.toString()));
  const code = await new Promise((resolve) => suite.once('close', resolve));
  expect(told).toContain('overlaps: 0');
  expect(told).toContain('failed: 0');
  expect(code, told).toBe(0);
  console.log(told);
});
