/**
 * `npm run faults`: real controllers, agents, keepers and policies on hosts of their own network, and real faults. Exits with 1 when
 * anything was not as promised, with 77 when this machine can't do it; nothing is left behind. LOCUM_FAULTS_ROUNDS: how often (1).
 * LOCUM_FAULTS_ONLY: only faults with this in their name.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHORT } from '../../cli/dev/scaled-timers.ts';
import { clockTime } from '../../cli/output/words.ts';
import { FaultWorld } from './fault-world.ts';
import { networkObstacle } from './namespace.ts';
import { TROUBLES } from './network-faults.ts';
import { CRASHES, type Fault, RESTARTS } from './process-faults.ts';

const CANNOT = 77;
const INSIDE = 'LOCUM_FAULTS_INSIDE';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Leaves 2.8 s to start a process again. */
const PATIENT = 0.2;
const EVENTS_TOLD = 40;

/** Again, in a network namespace of its own. */
async function goInside(): Promise<number> {
  const obstacle = networkObstacle();
  if (obstacle !== undefined) {
    console.log(`skipped: ${obstacle}`);
    return CANNOT;
  }
  const env = { ...process.env, [INSIDE]: '1' };
  const child = spawn('unshare', ['--net', process.execPath, import.meta.filename], {
    env,
    stdio: 'inherit',
    detached: true,
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

async function playAll(world: FaultWorld, faults: readonly Fault[]): Promise<void> {
  const only = process.env['LOCUM_FAULTS_ONLY'] ?? '';
  for (const { name, play } of faults) {
    if (!name.includes(only)) continue;
    world.report.begin(name);
    await world.calm();
    world.lag.forget();
    const startMs = performance.now();
    await play(world);
    world.heal();
    console.log(`${((performance.now() - startMs) / 1_000).toFixed(1).padStart(5)} s  ${name}`);
  }
}

async function playRounds(world: FaultWorld, rounds: number): Promise<void> {
  await world.start();
  for (let round = 1; round <= rounds; round += 1) {
    for (const [scale, faults] of [[PATIENT, RESTARTS] as const, [SHORT, [...CRASHES, ...TROUBLES]] as const]) {
      await world.setTimers(scale);
      await world.stage.apply(world.witness.policy('steady'));
      await playAll(world, faults);
      await world.remove('steady');
    }
    console.log(`round ${round} of ${rounds}`);
  }
}

/** What led to something that did not happen. */
async function tellEvents(world: FaultWorld): Promise<void> {
  const events = await world.stage.newEvents().catch(() => []);
  for (const { time, message, cause } of events.slice(-EVENTS_TOLD))
    console.log(`  ${clockTime(time)} ${message} (${cause})`);
}

async function play(rounds: number): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), `locum-faults-${process.pid}-`));
  const world = await FaultWorld.open(dataDir);
  for (const signal of SIGNALS) process.once(signal, () => void world.cluster.kill().then(() => process.exit(1)));
  const { report, witness } = world;
  const startMs = performance.now();
  try {
    await playRounds(world, rounds);
  } catch (error) {
    report.check('nothing unexpected', false, error instanceof Error ? (error.stack ?? error.message) : String(error));
    await tellEvents(world);
  } finally {
    await world.close();
  }
  for (const run of witness.runs()) if (!run.startsWith('twin-')) report.overlaps.push(...witness.overlaps(run));
  for (const line of report.lines()) console.log(line);
  console.log(`took ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
  if (report.isGood) rmSync(dataDir, { recursive: true, force: true });
  else console.log(`logs and data: ${dataDir}`);
  return report.isGood ? 0 : 1;
}

process.exitCode =
  process.env[INSIDE] === undefined ? await goInside() : await play(Number(process.env['LOCUM_FAULTS_ROUNDS'] ?? 1));
