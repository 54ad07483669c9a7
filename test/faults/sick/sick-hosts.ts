/** The part of `npm run faults` about sick hosts: for each mode a world of its own, with all sicknesses in it at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TimersScale } from '../../../cli/dev/scaled-timers.ts';
import { DISK_SICKNESSES } from './disk-sicknesses.ts';
import { LIMIT_SICKNESSES } from './limit-sicknesses.ts';
import { LOSS_SICKNESSES } from './loss-sicknesses.ts';
import { PROCESS_SICKNESSES } from './process-sicknesses.ts';
import { SickPlay } from './sick-play.ts';
import { MODES, type Mode, newOutcome, type Outcome, SickReport } from './sick-report.ts';
import { SickWorld } from './sick-world.ts';
import type { Sickness } from './sickness.ts';
import { UndoGuard } from './undo-guard.ts';

export interface SickOptions {
  /** Only sicknesses with one of these in their name; empty: all. */
  readonly only: readonly string[];
  /** Only modes with this in their name. */
  readonly mode: string;
  readonly rounds: number;
  readonly scale: TimersScale;
}

export const SICKNESSES: readonly Sickness[] = [
  ...DISK_SICKNESSES,
  ...LIMIT_SICKNESSES,
  ...PROCESS_SICKNESSES,
  ...LOSS_SICKNESSES,
];

/** Of worlds that are open, with the folder of their data. */
const guards = new Map<UndoGuard, string>();

/** For an end in the middle of it: takes back all that was done to the machine. */
export async function abandonSickHosts(): Promise<void> {
  for (const [guard, dataDir] of guards) {
    for (const line of await guard.close()) console.log(line);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Everything of the machine is as before when it answers; the logs stay after a failure. */
async function playWorld(sicknesses: readonly Sickness[], mode: Mode, scale: TimersScale): Promise<readonly Outcome[]> {
  const dataDir = mkdtempSync(join(tmpdir(), `locum-sick-${process.pid}-`));
  const guard = new UndoGuard();
  guards.set(guard, dataDir);
  const general = newOutcome('all', mode);
  let outcomes: readonly Outcome[] = [];
  try {
    const world = await SickWorld.open(sicknesses, { dataDir, scale, guard });
    try {
      await world.start();
      outcomes = await new SickPlay(world, mode).play();
    } finally {
      const left = await world.stop();
      if (outcomes.length > 0) general.failures.push(...left.map((one) => `did not end by itself: ${one}`));
    }
  } catch (error) {
    general.failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  general.failures.push(...(await guard.close()));
  guards.delete(guard);
  const isGood = [...outcomes, general].every((one) => one.failures.length + one.overlaps.length === 0);
  if (isGood) rmSync(dataDir, { recursive: true, force: true });
  else console.log(`logs and data: ${dataDir}`);
  return general.failures.length === 0 ? outcomes : [...outcomes, general];
}

export async function playSickHosts({ only, mode, rounds, scale }: SickOptions): Promise<SickReport> {
  const report = new SickReport();
  const wanted = SICKNESSES.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  const possible = wanted.filter(({ name, obstacle }) => {
    const why = obstacle?.();
    if (why !== undefined) report.skip(name, why);
    return why === undefined;
  });
  for (let round = 1; round <= rounds && possible.length > 0; round += 1) {
    for (const one of MODES.filter((name) => name.includes(mode))) {
      const startMs = performance.now();
      report.add(await playWorld(possible, one, scale));
      const tookS = ((performance.now() - startMs) / 1_000).toFixed(1);
      console.log(`${tookS.padStart(5)} s  sick hosts, ${one}, round ${round} of ${rounds}`);
    }
  }
  return report;
}
