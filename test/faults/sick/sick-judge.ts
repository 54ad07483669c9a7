/** What is right for a host in a mode, by the word of the witnesses, and by the controller's where it is about proofs. */
import { type Run, RunState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { fromTimestamp } from '../../../shared/rpc/time-messages.ts';
import { stateWord } from '../fault-world.ts';
import { type LifeWitness, TICK_MS, uptimeMs } from '../life-witness.ts';
import type { MachineLag } from '../machine-lag.ts';
import { WAITED } from '../takeover-proof.ts';
import { KIND_NAMES, type Kind, type Patient, type Placed } from './patient.ts';
import type { SickHost } from './sick-host.ts';
import { BEAT_MS } from './sick-witness.ts';
import type { SickWorld } from './sick-world.ts';
import { tooSlowFor } from './start-floor.ts';

/** What the judges look at. */
export interface JudgedWorld extends Pick<SickWorld, 'timers'> {
  readonly witness: Pick<LifeWitness, 'lives'>;
  readonly lag: Pick<MachineLag, 'worstMs'>;
}
export interface JudgedPatient extends Omit<Patient, 'host'> {
  readonly host: Pick<SickHost, 'name' | 'sickness'>;
}
type Runs = ReadonlyMap<string, Run>;

const TAKEOVER_LIMIT_MS = 2_500;
/** A beat, and the time until it is on the disk and read. */
const FRESH_SIGN_MS = 5 * BEAT_MS;

const kindRun = (patient: JudgedPatient, runs: Runs, kind: string): Run | undefined =>
  runs.get(`${patient.host.name}-${kind}`);

/** The process that was there when the host fell sick lives. */
function livesOn(world: JudgedWorld, { run, epoch }: Placed, atMs: number): boolean {
  const life = world.witness.lives(run).find((one) => one.epoch === epoch);
  return life !== undefined && !life.saidStop && life.lastSignMs > atMs - FRESH_SIGN_MS - world.lag.worstMs;
}

/** Whatever the mode: no sickness but its own death ends an agent. */
export function judgeSick({ host, outcome }: Patient): void {
  const { agentEnds } = host;
  if (host.sickness.agentEnds !== true && agentEnds.length > 0)
    outcome.failures.push(`its agent ended ${agentEnds.length} times (${agentEnds[0]})`);
}

/** Notes what did not live through it; whether that is right depends on the mode. */
export function noteStopped(world: JudgedWorld, { outcome, placed }: Patient, atMs: number): void {
  for (const [kind, before] of placed) if (!livesOn(world, before, atMs)) outcome.stopped.push(kind);
}

/** The controller is heard all the time: nothing is stopped that the sickness itself does not stop. */
export function judgeAlone(world: JudgedWorld, patient: JudgedPatient, runs: Runs, atMs: number): void {
  const { host, outcome, placed } = patient;
  const { toll, refusesStarts } = host.sickness;
  for (const [kind, before] of placed) {
    if (!outcome.stopped.includes(kind)) continue;
    const life = world.witness.lives(before.run).find((one) => one.epoch === before.epoch);
    const detail = `${kind}: its process ended ${(life?.lastSignMs ?? 0) - atMs} ms before the end: ${endOf(patient, runs, kind)}`;
    if (toll === 'none' || (toll === 'lease' && kind !== 'stop')) {
      // Only the lease of STOP ends in time; whatever else dies has no such excuse.
      const slow = kind === 'stop' ? tooSlowFor(patient.startFloorMs ?? 0, world.timers) : undefined;
      if (slow === undefined) outcome.failures.push(detail);
      else outcome.skipped.push(`${detail}: ${slow}`);
    }
    const now = kindRun(patient, runs, kind);
    // HOLD waits for its host, as long as that says nothing.
    const waits = kind === 'hold' && now?.state === RunState.FENCING && now.reason === 'HOLD';
    if (now?.state !== RunState.RUNNING && !waits) outcome.failures.push(`${kind} is ${wordOf(now)} in the end`);
  }
  if (refusesStarts && !patient.wasUnavailable) outcome.failures.push('never left the available list');
}

/** Silent, sick, and for longer than the wait. */
export function judgeCut(world: JudgedWorld, patient: Patient, runs: Runs): void {
  const { outcome, placed } = patient;
  for (const kind of KIND_NAMES) {
    const [before, now] = [placed.get(kind), kindRun(patient, runs, kind)];
    if (before === undefined) continue;
    if (now === undefined) {
      outcome.failures.push(`${kind}: its run is gone`);
      continue;
    }
    const taken = now.attempts.find(({ epoch }) => epoch > before.epoch);
    const waitedMs = waitOf(now, before.epoch);
    if (kind === 'hold') {
      if (taken !== undefined && waitedMs !== undefined) outcome.failures.push('HOLD: taken over by waiting');
      continue;
    }
    if (taken === undefined || now.state !== RunState.RUNNING) {
      outcome.failures.push(`${kind} was not taken over: ${wordOf(now)}`);
      continue;
    }
    if (kind === 'stop') judgeTakeover(world, patient, now, before.epoch);
    else judgeOverlap(world, patient, now, before.epoch);
  }
}

/** Never before the wait, and soon after it. */
function judgeTakeover(world: JudgedWorld, { outcome }: Patient, run: Run, epoch: bigint): void {
  const old = run.attempts.find((attempt) => attempt.epoch === epoch);
  const waitedMs = waitOf(run, epoch);
  const life = world.witness.lives(run.name.slice('runs/'.length)).find((one) => one.epoch > epoch);
  // Proven by the agent before it fell silent: nothing waited.
  if (old?.endTime === undefined || waitedMs === undefined || life === undefined) return;
  const { waitMs } = world.timers;
  const lastGrantWallMs = fromTimestamp(old.endTime) - waitedMs;
  const startedMs = life.startMs + (Date.now() - uptimeMs()) - lastGrantWallMs;
  outcome.takeoversMs.push(Math.max(0, startedMs - waitMs));
  if (waitedMs < waitMs || startedMs < waitMs - 2 * TICK_MS)
    outcome.failures.push(`taken over after ${startedMs} ms, before the wait of ${waitMs} ms`);
  if (startedMs > waitMs + TAKEOVER_LIMIT_MS + world.lag.worstMs)
    outcome.failures.push(`taken over ${startedMs - waitMs} ms after the wait`);
}

function judgeOverlap(world: JudgedWorld, { outcome, struckMs }: Patient, run: Run, epoch: bigint): void {
  if (waitOf(run, epoch) === undefined && run.attempts.some((one) => one.epoch === epoch && one.end !== undefined))
    return;
  const life = world.witness.lives(run.name.slice('runs/'.length)).find((one) => one.epoch > epoch);
  const { missingMs } = world.timers;
  const gapMs = (life?.startMs ?? 0) - struckMs;
  if (gapMs > missingMs + TAKEOVER_LIMIT_MS + world.lag.worstMs)
    outcome.failures.push(`OVERLAP: a second one only ${gapMs} ms after the cut`);
}

/** Undefined: all is as it should be. The host works again, and so does all that it had. */
export function judgeEnd(world: SickWorld, patient: Patient, runs: Runs): string | undefined {
  const nowMs = uptimeMs();
  for (const kind of [...KIND_NAMES, 'after']) {
    const run = kindRun(patient, runs, kind);
    const life = run === undefined ? undefined : world.lifeOf(run);
    const isAlive = life !== undefined && life.lastSignMs > nowMs - FRESH_SIGN_MS - world.lag.worstMs;
    if (run?.state !== RunState.RUNNING || !isAlive) return `afterwards ${kind} is ${wordOf(run)}`;
  }
  const overlap = kindRun(patient, runs, 'overlap');
  const living = world.witness
    .lives(overlap?.name.slice('runs/'.length) ?? '')
    .filter(({ saidStop, lastSignMs }) => !saidStop && lastSignMs > nowMs - FRESH_SIGN_MS);
  if (living.length > 1) return 'afterwards OVERLAP still runs twice';
  if (patient.host.agentPid === undefined) return 'afterwards no agent runs';
  return undefined;
}

function waitOf(run: Run, epoch: bigint): number | undefined {
  const waited = WAITED.exec(run.attempts.find((attempt) => attempt.epoch === epoch)?.end?.detail ?? '')?.[1];
  return waited === undefined ? undefined : Number(waited);
}

const wordOf = (run: Run | undefined): string =>
  run === undefined ? 'gone' : `${stateWord(run.state)} ${run.reason} on ${run.server}`.trim();

function endOf(patient: JudgedPatient, runs: Runs, kind: Kind): string {
  const epoch = patient.placed.get(kind)?.epoch;
  const end = kindRun(patient, runs, kind)?.attempts.find((attempt) => attempt.epoch === epoch)?.end;
  return end === undefined ? 'the controller knows of no end' : `${end.proof}: ${end.detail}`;
}
