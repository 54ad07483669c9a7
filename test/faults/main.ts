/**
 * `npm run faults`: real controllers, agents, keepers and policies on hosts of their own network, and real faults: first those of
 * processes and networks, one after the other, then sick hosts, all at once (see `sick/`). Exits with 1 when anything was not as
 * promised, with 77 when this machine can't do it; nothing is left behind. What can be set in the environment:
 *
 * - LOCUM_FAULTS_ROUNDS: how often (1).
 * - LOCUM_FAULTS_PART: only `processes` or only `sick`.
 * - LOCUM_FAULTS_ONLY: only faults with one of these, separated by commas, in their name.
 * - LOCUM_FAULTS_MODE: only sick hosts in a mode with this in its name: `alone`, `controller restart`, `network cut`.
 * - LOCUM_FAULTS_SCALE: of the timers of sick hosts; 1, the defaults, unless set.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHORT } from '../../cli/dev/scaled-timers.ts';
import { clockTime } from '../../cli/output/words.ts';
import { checkNames, parseUsage, wholeNumber } from '../../scripts/usage.ts';
import { FaultWorld } from './fault-world.ts';
import { networkObstacle } from './namespace.ts';
import { TROUBLES } from './network-faults.ts';
import { CRASHES, type Fault, RESTARTS } from './process-faults.ts';
import { abandonSickHosts, playSickHosts, SICKNESSES } from './sick/sick-hosts.ts';
import { MODES } from './sick/sick-report.ts';

const CANNOT = 77;
const INSIDE = 'LOCUM_FAULTS_INSIDE';
const PARTS = ['processes', 'sick'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Leaves 2.8 s to start a process again. */
const PATIENT = 0.2;
const EVENTS_TOLD = 40;

const setting = (name: string): string => process.env[`LOCUM_FAULTS_${name}`] ?? '';
const ROUNDS = Number(setting('ROUNDS') || 1);
const ONLY = setting('ONLY')
  .split(',')
  .filter((part) => part !== '');

/** Again, in network and mounts of its own. It ends when we are gone, however we go. */
async function goInside(): Promise<number> {
  const obstacle = networkObstacle();
  if (obstacle !== undefined) {
    console.log(`skipped: ${obstacle}`);
    return CANNOT;
  }
  const env = { ...process.env, [INSIDE]: '1' };
  const child = spawn('unshare', ['--net', '--mount', process.execPath, import.meta.filename], {
    env,
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

const isWanted = (name: string): boolean => ONLY.length === 0 || ONLY.some((part) => name.includes(part));

async function playAll(world: FaultWorld, faults: readonly Fault[]): Promise<void> {
  for (const { name, play } of faults) {
    if (!isWanted(name)) continue;
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

/** True: all was as promised. */
async function playProcessFaults(): Promise<boolean> {
  if (![...RESTARTS, ...CRASHES, ...TROUBLES].some(({ name }) => isWanted(name))) return true;
  const dataDir = mkdtempSync(join(tmpdir(), `locum-faults-${process.pid}-`));
  const world = await FaultWorld.open(dataDir);
  clearances.push(() => world.cluster.kill());
  const { report, witness } = world;
  try {
    await playRounds(world, ROUNDS);
  } catch (error) {
    report.check('nothing unexpected', false, error instanceof Error ? (error.stack ?? error.message) : String(error));
    await tellEvents(world);
  } finally {
    await world.close();
  }
  for (const run of witness.runs()) if (!run.startsWith('twin-')) report.overlaps.push(...witness.overlaps(run));
  for (const line of report.lines()) console.log(line);
  if (report.isGood) rmSync(dataDir, { recursive: true, force: true });
  else console.log(`logs and data: ${dataDir}`);
  return report.isGood;
}

/** The same. */
async function playSick(): Promise<boolean> {
  clearances.push(abandonSickHosts);
  const scale = Number(setting('SCALE') || 1);
  const report = await playSickHosts({ only: ONLY, mode: setting('MODE'), rounds: ROUNDS, scale });
  for (const line of report.lines()) console.log(line);
  return report.isGood;
}

/** What is cleared away when a signal, or the end of whoever started us, ends us in the middle. */
const clearances: (() => Promise<unknown>)[] = [];

function watchForTheEnd(): void {
  const end = (): void => void Promise.allSettled(clearances.map((clear) => clear())).finally(() => process.exit(1));
  for (const signal of SIGNALS) process.once(signal, end);
  process.stdin.once('end', end).resume();
}

async function play(): Promise<number> {
  watchForTheEnd();
  const startMs = performance.now();
  const part = setting('PART');
  const good = [part === 'sick' || (await playProcessFaults()), part === 'processes' || (await playSick())];
  console.log(`took ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
  process.stdin.destroy();
  return good.every(Boolean) ? 0 : 1;
}

const USAGE = `
npm run faults: real processes on hosts of their own network, and real faults (Linux, root). In the environment:
  LOCUM_FAULTS_ROUNDS=N        how often (1)
  LOCUM_FAULTS_PART=…          only "processes" or only "sick"
  LOCUM_FAULTS_ONLY=…,…        only faults with one of these in their name
  LOCUM_FAULTS_MODE=…          only sick hosts in a mode with this in its name: ${MODES.join(', ')}
  LOCUM_FAULTS_SCALE=N         of the timers of sick hosts (1, the defaults)`;

parseUsage(USAGE, {});
wholeNumber(setting('ROUNDS') || '1', 'LOCUM_FAULTS_ROUNDS', 1);
const names = [...RESTARTS, ...CRASHES, ...TROUBLES, ...SICKNESSES].map(({ name }) => name);
checkNames(ONLY, (part) => names.some((name) => name.includes(part)), names);
if (setting('PART') !== '') checkNames([setting('PART')], (part) => PARTS.includes(part), PARTS);
checkNames([setting('MODE')], (part) => MODES.some((mode) => mode.includes(part)), MODES);

process.exitCode = process.env[INSIDE] === undefined ? await goInside() : await play();
