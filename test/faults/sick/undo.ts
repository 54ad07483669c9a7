/**
 * Takes back what was done to this machine, however whoever did it ends: `node undo.ts`, in a session of its own. It reads steps from
 * stdin, one as JSON a line, and plays them backwards once that is closed, by an orderly end as by a SIGKILL.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { clearProcesses } from '../../../cli/dev/host-processes.ts';
import type { UndoStep } from './undo-guard.ts';

const TRIES = 50;
const BETWEEN_TRIES_MS = 100;

/** Deepest first. Only what is empty goes away. */
function removeGroup(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(join(folder, entry.name));
  }
  rmdirSync(folder);
}

/** True when nothing of it is left to do. */
async function isDone(step: UndoStep): Promise<boolean> {
  switch (step.kind) {
    case 'thaw':
      // Fails when it is not frozen.
      spawnSync('fsfreeze', ['-u', step.folder]);
      return true;
    case 'write':
      if (existsSync(step.file)) writeFileSync(step.file, step.text);
      return true;
    case 'kill-cluster':
      return (await clearProcesses(step.folder, { waitMs: 0 })).length === 0;
    case 'unmount':
      return spawnSync('mountpoint', ['-q', step.folder]).status !== 0 || unmount(step.folder);
    case 'remove-group':
      if (existsSync(step.folder)) removeGroup(step.folder);
      return true;
    case 'remove':
      rmSync(step.path, { recursive: true, force: true });
      return true;
  }
}

/** The lazy way is the last resort: then it goes with the last process that uses it. */
function unmount(folder: string): boolean {
  return spawnSync('umount', [folder]).status === 0;
}

async function play(step: UndoStep): Promise<void> {
  let why: unknown = 'it does not end';
  for (let tries = 0; tries < TRIES; tries += 1) {
    try {
      if (await isDone(step)) return;
    } catch (error) {
      why = error;
    }
    await sleep(BETWEEN_TRIES_MS);
  }
  if (step.kind === 'unmount') spawnSync('umount', ['-l', step.folder]);
  console.log(`left behind: ${JSON.stringify(step)}: ${why instanceof Error ? why.message : String(why)}`);
}

// Whoever started us may be gone.
process.stdout.on('error', () => undefined);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
const steps = (await text(process.stdin)).split('\n').filter((line) => line !== '');
for (const line of steps.toReversed()) {
  const step: UndoStep = JSON.parse(line);
  await play(step);
}
