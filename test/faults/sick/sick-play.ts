/** One world, one mode: every host falls sick at once, stays so for longer than any takeover takes, and gets well again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { OnDisconnect } from '../../../shared/gen/locum/v1/policy_pb.ts';
import { type Run, RunState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { stateWord } from '../fault-world.ts';
import { uptimeMs } from '../life-witness.ts';
import { waitFor } from './command.ts';
import { KIND_NAMES, KINDS, type Patient, type Placed } from './patient.ts';
import { RESTART_MS } from './service.ts';
import type { SickHost } from './sick-host.ts';
import { judgeAlone, judgeCut, judgeEnd, judgeSick, noteStopped } from './sick-judge.ts';
import { type Mode, newOutcome, type Outcome } from './sick-report.ts';
import { sickWitness } from './sick-witness.ts';
import { type SickWorld, STANDBY } from './sick-world.ts';
import { measureStartFloor } from './start-floor.ts';

const LOOK_MS = 250;
const PROCEED_EVERY_MS = 1_000;
/** Between two lines of output. On sick disks all that writes output has to stall. */
const SOME_OUTPUT_MS = 500;
const MUCH_OUTPUT_MS = 50;
const STRIKE_EVERY_MS = 200;
/** What was placed before is heard of, and the leases are fresh. */
const SETTLE_MS = 3_000;
/** How much longer than the takeover wait it lasts, and the part of that which is as long as the timers. */
const LONGER_MS = 4_000;
const LONGER_SHARE = 0.2;
const PLACED_LIMIT_MS = 60_000;
/** A new policy while its first server is sick. */
const FRESH_AFTER_MS = 3_000;
const FRESH_LIMIT_MS = 20_000;
const BACK_LIMIT_MS = 120_000;
const GONE_LIMIT_MS = 90_000;

export class SickPlay {
  readonly #world: SickWorld;
  readonly #mode: Mode;
  #patients: readonly Patient[] = [];
  #measured: Promise<void> = Promise.resolve();

  constructor(world: SickWorld, mode: Mode) {
    this.#world = world;
    this.#mode = mode;
  }

  async play(): Promise<readonly Outcome[]> {
    const world = this.#world;
    await this.#apply(world.hosts, KIND_NAMES, [STANDBY]);
    this.#patients = await this.#admit();
    await sleep(SETTLE_MS);
    world.lag.forget();
    await this.#strike();
    await this.#watch(uptimeMs() + (1 + LONGER_SHARE) * world.timers.waitMs + LONGER_MS);
    const atMs = uptimeMs();
    await this.#measured;
    const runs = (await world.runs()) ?? new Map<string, Run>();
    for (const patient of this.#patients) {
      judgeSick(patient);
      noteStopped(world, patient, atMs);
      if (this.#mode === 'alone') judgeAlone(world, patient, runs, atMs);
      if (this.#mode === 'network cut') judgeCut(world, patient, runs);
    }
    await this.#lift();
    await this.#recover();
    await this.#discharge();
    for (const { host, outcome } of this.#patients) {
      for (const run of world.witness.runs()) {
        if (run.startsWith(`${host.name}-`) && !run.startsWith(`${host.name}-overlap-`))
          outcome.overlaps.push(...world.witness.overlaps(run));
      }
    }
    return this.#patients.map(({ outcome }) => outcome);
  }

  async #apply(hosts: readonly SickHost[], kinds: readonly string[], further: readonly string[]): Promise<void> {
    for (const { name, sickness } of hosts) {
      const text = sickWitness(sickness.disk === undefined ? SOME_OUTPUT_MS : MUCH_OUTPUT_MS);
      const servers = [name, ...further].map((server) => `servers/${server}`);
      for (const kind of kinds) {
        const onDisconnect = new Map<string, OnDisconnect>(Object.entries(KINDS)).get(kind) ?? OnDisconnect.STOP;
        await this.#world.stage.apply(
          this.#world.witness.policy(`${name}-${kind}`, { servers, onDisconnect }, text, ['bash']),
        );
      }
    }
  }

  /** Once every policy runs on its own host, and says so itself. */
  async #admit(): Promise<Patient[]> {
    const placed = new Map<string, Placed>();
    await waitFor('every policy runs on its host', PLACED_LIMIT_MS, async () => {
      for (const [policy, run] of (await this.#world.runs()) ?? []) {
        const life = this.#world.lifeOf(run);
        const attempt = run.attempts.at(-1);
        const isHome = run.server === `servers/${policy.split('-')[0]}`;
        if (run.state !== RunState.RUNNING || life === undefined || attempt === undefined || !isHome) continue;
        placed.set(policy, { run: run.name.slice('runs/'.length), epoch: attempt.epoch });
      }
      await sleep(LOOK_MS);
      return placed.size === this.#world.hosts.length * KIND_NAMES.length;
    });
    return this.#world.hosts.map((host) => ({
      host,
      outcome: newOutcome(host.sickness.name, this.#mode),
      placed: new Map(KIND_NAMES.flatMap((kind) => pairOf(kind, placed.get(`${host.name}-${kind}`)))),
      struckMs: 0,
      wasUnavailable: false,
    }));
  }

  /** One after the other: at the same moment they would only wait for each other on the standby. */
  async #strike(): Promise<void> {
    const { cluster, network } = this.#world;
    await this.#onEach('inflicted', async (host, patient) => {
      await sleep(STRIKE_EVERY_MS * this.#patients.indexOf(patient));
      patient.struckMs = uptimeMs();
      await host.sickness.inflict(host);
      if (this.#mode === 'network cut') network.cut(host.name);
    });
    if (this.#mode === 'alone') this.#measureStarts();
    if (this.#mode !== 'controller restart') return;
    const sinceMs = uptimeMs();
    await cluster.stopController('SIGKILL');
    await cluster.startController();
    // Without that nobody can tell why a lease ended.
    console.log(`the controller was away for ${((uptimeMs() - sinceMs) / 1_000).toFixed(1)} s`);
  }

  /** At the same time as the service starts an agent that was killed, and under the same load. */
  #measureStarts(): void {
    const killed = this.#patients.filter(({ host }) => host.sickness.agentEnds === true);
    if (killed.length === 0) return;
    this.#measured = sleep(RESTART_MS)
      .then(measureStartFloor)
      .then((floorMs) => {
        for (const patient of killed) patient.startFloorMs = floorMs;
      });
  }

  async #watch(untilMs: number): Promise<void> {
    const world = this.#world;
    const freshAtMs = uptimeMs() + FRESH_AFTER_MS;
    let [isFreshApplied, proceededMs] = [this.#mode === 'network cut', 0];
    while (uptimeMs() < untilMs) {
      if (uptimeMs() - proceededMs > PROCEED_EVERY_MS) {
        proceededMs = uptimeMs();
        await world.proceed();
      }
      if (!isFreshApplied && uptimeMs() >= freshAtMs) {
        isFreshApplied = true;
        await this.#apply(world.hosts, ['fresh'], [STANDBY]);
      }
      const [servers, runs] = [await world.servers(), await world.runs()];
      for (const patient of this.#patients) {
        if (servers?.get(patient.host.name)?.available === false) patient.wasUnavailable = true;
        const fresh = runs?.get(`${patient.host.name}-fresh`);
        if (fresh !== undefined && patient.freshMs === undefined && world.lifeOf(fresh) !== undefined)
          patient.freshMs = Math.max(0, (world.lifeOf(fresh)?.startMs ?? 0) - freshAtMs);
      }
      await sleep(LOOK_MS);
    }
    if (this.#mode === 'network cut') return;
    for (const { host, freshMs, outcome } of this.#patients) {
      if (host.sickness.startsMayHang === true) continue;
      if (freshMs === undefined || freshMs > FRESH_LIMIT_MS + world.lag.worstMs)
        outcome.failures.push(`a new policy ran ${freshMs === undefined ? 'nowhere' : `after ${freshMs} ms`}`);
    }
  }

  async #lift(): Promise<void> {
    await this.#onEach('lifted', async (host) => {
      await host.sickness.lift?.(host);
      this.#world.network.heal(host.name);
    });
  }

  /** What fails for one host is told of that one. */
  async #onEach(what: string, act: (host: SickHost, patient: Patient) => Promise<void>): Promise<void> {
    const one = async (patient: Patient): Promise<void> =>
      act(patient.host, patient).catch((error: unknown) => {
        patient.outcome.failures.push(`the sickness could not be ${what}: ${String(error)}`);
      });
    await Promise.all(this.#patients.map(one));
  }

  /** Everything is as before the sickness, without anybody's help; and the host takes work. */
  async #recover(): Promise<void> {
    const world = this.#world;
    const liftedMs = uptimeMs();
    const missing = new Set(this.#patients);
    await waitFor('every server is back', BACK_LIMIT_MS, async () => {
      const servers = await world.servers();
      for (const patient of missing) {
        const server = servers?.get(patient.host.name);
        if (server?.available !== true || !server.connected) continue;
        patient.outcome.backMs = uptimeMs() - liftedMs;
        missing.delete(patient);
      }
      await sleep(LOOK_MS);
      return missing.size === 0;
    }).catch(() => undefined);
    for (const { outcome } of missing) outcome.failures.push(`not back within ${BACK_LIMIT_MS / 1_000} s`);
    const back = this.#patients.filter((patient) => !missing.has(patient));
    await this.#apply(
      back.map(({ host }) => host),
      ['after'],
      [],
    );
    await this.#waitForWork(back);
  }

  async #waitForWork(back: readonly Patient[]): Promise<void> {
    const world = this.#world;
    let left = new Map<Patient, string>();
    await waitFor('every policy runs', PLACED_LIMIT_MS, async () => {
      const runs = (await world.runs()) ?? new Map<string, Run>();
      left = new Map(back.flatMap((patient) => pairOf(patient, judgeEnd(world, patient, runs))));
      await sleep(LOOK_MS);
      return left.size === 0;
    }).catch(() => undefined);
    for (const [{ outcome }, why] of left) outcome.failures.push(why);
    for (const { host, outcome } of back) {
      if (host.keeperPids().length === 0) outcome.failures.push('afterwards no keeper runs');
    }
  }

  /** Nothing is left of what ran. */
  async #discharge(): Promise<void> {
    const { stage, witness } = this.#world;
    const policies = await stage.policies.listPolicies({ pageSize: 1_000 });
    for (const { name } of policies.policies) await stage.policies.deletePolicy({ name });
    const isGone = await waitFor('every run is gone', GONE_LIMIT_MS, async () => {
      await sleep(LOOK_MS);
      return (await this.#world.runs())?.size === 0;
    }).then(
      () => true,
      () => false,
    );
    const goneMs = uptimeMs();
    const left = isGone ? [] : [...((await this.#world.runs()) ?? [])];
    await sleep(2 * LOOK_MS);
    for (const { host, outcome } of this.#patients) {
      for (const [policy, { state, reason }] of left) {
        if (policy.startsWith(`${host.name}-`)) outcome.failures.push(`${policy} stays ${stateWord(state)} ${reason}`);
      }
      const after = witness.runs().filter((run) => run.startsWith(`${host.name}-`));
      for (const run of after) {
        const living = witness.lives(run).filter(({ lastSignMs }) => lastSignMs > goneMs + LOOK_MS);
        for (const { epoch } of living) outcome.failures.push(`${run} epoch ${epoch} lives on after its end`);
      }
    }
  }
}

const pairOf = <K, V>(key: K, value: V | undefined): [K, V][] => (value === undefined ? [] : [[key, value]]);
