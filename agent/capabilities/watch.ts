/** Keeps the set of capabilities up to date and tells when it changed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { deepEqual } from '../../shared/deep-equal.ts';
import type { Logger } from '../../shared/log.ts';
import { cut, printable } from '../../shared/printable.ts';
import type { Capability, ProbeFailure } from '../../shared/protocol/capability.ts';
import { type CertificateWord, ISSUER_FACT, TRUSTS_FACT } from '../../shared/protocol/certificate-facts.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import type { Probe } from '../config.ts';
import { fingerprint } from './fingerprint.ts';
import { mergeCapabilities, sameCapabilities } from './merge.ts';
import { runProbe } from './probe.ts';
import { runtimeFiles } from './runtime-files.ts';

/** Runtimes come and go with package upgrades. That their files have changed is seen within this time, at no cost to speak of… */
const FINGERPRINT_EVERY_MS = 30 * SECOND;
/** …and in any case all are asked again after this. */
const ASK_AGAIN_MS = 10 * MINUTE;
/** How long the first set is waited for; runtimes answer within 2 s or have told nothing. */
const FIRST_LOOK_MS = 2_500;
const FAILURE_CHARACTERS = 200;

export interface CapabilityOptions {
  readonly stated: Readonly<Record<string, string>>;
  readonly probes: readonly Probe[];
  /** Environment of probes and of the look for runtimes. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** How the host is asked. Default: by its files and programs. */
  readonly host?: HostLooks;
  /** Told everything, after each change. */
  readonly tell: (findings: Findings) => void;
}

export interface HostLooks {
  readonly runtimeFiles: typeof runtimeFiles;
  readonly fingerprint: typeof fingerprint;
  readonly runProbe: typeof runProbe;
}

const REAL_HOST: HostLooks = { runtimeFiles, fingerprint, runProbe };

/** All that is known of the host, and whom it could not be asked. */
export interface Findings {
  readonly capabilities: readonly Capability[];
  /** By the name of the probe. */
  readonly probeFailures: readonly ProbeFailure[];
}

const statedFacts = (stated: CapabilityOptions['stated']): readonly Capability[] =>
  Object.entries(stated).map(([name, value]) => ({ name, value, source: 'CONFIG' }));

export class CapabilityWatch {
  readonly #options: CapabilityOptions;
  #stated: readonly Capability[];
  /** By source: the fingerprint, and each probe by its name. */
  readonly #found = new Map<string, readonly Capability[]>();
  /** By the name of the probe: its failure. */
  readonly #failing = new Map<string, ProbeFailure>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #keeper: readonly Capability[] = [];
  /** As of the last fingerprint. */
  #files = '';
  #askAgainMs = 0;
  /** Undefined: the first set was not given yet. */
  #said: Findings | undefined;
  #stopped = false;

  constructor(options: CapabilityOptions) {
    this.#options = options;
    this.#stated = statedFacts(options.stated);
  }

  /**
   * Begins to look, and answers with the first set: of everything, or of what is known after a short time. A probe that takes long
   * must not keep a restarted agent from the runs whose leases it is to extend; what it finds is told later.
   */
  async start(): Promise<Findings> {
    const { probes, env, host = REAL_HOST } = this.#options;
    const look = async (): Promise<void> => {
      const files = await host.runtimeFiles(env);
      const nowMs = performance.now();
      if (files === this.#files && nowMs < this.#askAgainMs) return;
      const { facts, isSure } = await host.fingerprint(env, this.#found.get('fingerprint'));
      this.#found.set('fingerprint', facts);
      // Who did not answer in time is asked again at the next look.
      [this.#files, this.#askAgainMs] = [files, isSure ? nowMs + ASK_AGAIN_MS : 0];
    };
    const first = [
      this.#keepLooking(FINGERPRINT_EVERY_MS, look),
      ...probes.map((probe) => this.#keepLooking(probe.intervalMs, () => this.#probe(probe))),
    ];
    await Promise.race([Promise.all(first), sleep(FIRST_LOOK_MS, undefined, { ref: false })]);
    this.#said = this.#merged();
    return this.#said;
  }

  /** Other facts from the configuration than before. */
  restate(stated: CapabilityOptions['stated']): void {
    this.#stated = statedFacts(stated);
    this.#tell();
  }

  /** How the keeper holds process trees together, of which policies can require the stronger kind; and what it can do for workloads. */
  setKeeper(kind: 'CGROUP' | 'PROCESS_GROUP', features: readonly string[]): void {
    const value = kind === 'CGROUP' ? 'cgroup' : 'process-group';
    const facts: Capability[] = [{ name: 'containment', value, source: 'FINGERPRINT' }];
    if (kind === 'CGROUP') facts.push({ name: 'cgroup', value: 'v2', source: 'FINGERPRINT' });
    for (const feature of features) facts.push({ name: 'feature', value: feature, source: 'FINGERPRINT' });
    this.#keeper = facts;
    this.#tell();
  }

  /** What this server shows and trusts. */
  setCertificate({ trusts, issuer }: CertificateWord): void {
    const facts = [
      ...(issuer === undefined ? [] : [{ name: ISSUER_FACT, value: issuer }]),
      ...trusts.map((value) => ({ name: TRUSTS_FACT, value })),
    ];
    this.#found.set(
      'certificate',
      facts.map((fact) => ({ ...fact, source: 'FINGERPRINT' })),
    );
    this.#tell();
  }

  /** Whether it is noticed that this virtual machine was restored, and by what. Undefined: it is not. */
  setVmGeneration(kind: 'vmclock' | 'file' | undefined): void {
    const facts: Capability[] =
      kind === undefined ? [] : [{ name: 'vm-generation', value: kind, source: 'FINGERPRINT' }];
    this.#found.set('vm generation', facts);
    this.#tell();
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** A probe that fails takes its facts away: a fact that nobody can confirm is none. */
  async #probe(probe: Probe): Promise<void> {
    const { host = REAL_HOST, env, log } = this.#options;
    const result = await host.runProbe(probe, env);
    if (result.kind === 'failed') {
      const detail = cut(printable(result.outcome), FAILURE_CHARACTERS);
      this.#failing.set(probe.name, { probe: probe.name, detail });
      log.warn({ probe: probe.name, detail: result.detail }, 'a probe failed');
    } else this.#failing.delete(probe.name);
    if (result.kind === 'failed') this.#found.delete(`probe ${probe.name}`);
    else this.#found.set(`probe ${probe.name}`, result.capabilities);
    if (result.kind === 'facts' && result.unread.length > 0)
      log.warn({ probe: probe.name, lines: result.unread }, 'a probe printed no facts');
  }

  /**
   * Looks, and again an interval after each end: looks of one source never run side by side. Answers after the first one.
   */
  async #keepLooking(everyMs: number, look: () => Promise<void>): Promise<void> {
    try {
      await look();
      this.#tell();
    } catch (error) {
      this.#options.log.error({ err: error }, 'looking for capabilities failed');
    }
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#keepLooking(everyMs, look);
    }, everyMs);
    timer.unref();
    this.#timers.add(timer);
  }

  #tell(): void {
    if (this.#stopped || this.#said === undefined) return;
    const merged = this.#merged();
    if (isSame(merged, this.#said)) return;
    this.#said = merged;
    this.#options.tell(merged);
  }

  #merged(): Findings {
    const probeFailures = [...this.#failing.values()].sort((a, b) => (a.probe < b.probe ? -1 : 1));
    return { capabilities: mergeCapabilities(...this.#found.values(), this.#keeper, this.#stated), probeFailures };
  }
}

const isSame = (a: Findings, b: Findings): boolean =>
  sameCapabilities(a.capabilities, b.capabilities) && deepEqual(a.probeFailures, b.probeFailures);
