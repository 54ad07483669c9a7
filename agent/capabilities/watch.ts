/** Keeps the set of capabilities up to date and tells when it changed. */
import type { Logger } from '../../shared/log.ts';
import { MINUTE } from '../../shared/time.ts';
import type { Probe } from '../config.ts';
import type { Capability } from '../core/message.ts';
import { fingerprint } from './fingerprint.ts';
import { mergeCapabilities, sameCapabilities } from './merge.ts';
import { runProbe } from './probe.ts';

/** Runtimes come and go with package upgrades. */
const FINGERPRINT_EVERY_MS = 10 * MINUTE;

export interface CapabilityOptions {
  readonly stated: Readonly<Record<string, string>>;
  readonly probes: readonly Probe[];
  /** Environment of probes and of the look for runtimes. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly onChange: (capabilities: readonly Capability[]) => void;
}

export class CapabilityWatch {
  private readonly options: CapabilityOptions;
  private readonly stated: readonly Capability[];
  /** By source: the fingerprint, and each probe by its name. */
  private readonly found = new Map<string, readonly Capability[]>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private containment: readonly Capability[] = [];
  private said: readonly Capability[] = [];
  private stopped = false;

  constructor(options: CapabilityOptions) {
    this.options = options;
    this.stated = Object.entries(options.stated).map(([name, value]) => ({ name, value, source: 'CONFIG' }));
  }

  /** Looks at everything once and answers with the first set; goes on looking from then on. */
  async start(): Promise<readonly Capability[]> {
    const { probes, env } = this.options;
    const look = async (): Promise<void> => {
      this.found.set('fingerprint', await fingerprint(env));
    };
    await Promise.all([look(), ...probes.map((probe) => this.probe(probe))]);
    this.repeat(FINGERPRINT_EVERY_MS, look);
    for (const probe of probes) this.repeat(probe.intervalMs, () => this.probe(probe));
    this.said = this.merged();
    return this.said;
  }

  /** How the keeper holds process trees together. Policies can require the stronger kind. */
  setContainment(kind: 'CGROUP' | 'PROCESS_GROUP'): void {
    const value = kind === 'CGROUP' ? 'cgroup' : 'process-group';
    const facts: Capability[] = [{ name: 'containment', value, source: 'FINGERPRINT' }];
    if (kind === 'CGROUP') facts.push({ name: 'cgroup', value: 'v2', source: 'FINGERPRINT' });
    this.containment = facts;
    this.tell();
  }

  stop(): void {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  /** A probe that fails takes its facts away: a fact that nobody can confirm is none. */
  private async probe(probe: Probe): Promise<void> {
    const result = await runProbe(probe, this.options.env);
    const { log } = this.options;
    if (result.kind === 'failed') log.warn({ probe: probe.name, detail: result.detail }, 'a probe failed');
    else if (result.unread.length > 0)
      log.warn({ probe: probe.name, lines: result.unread }, 'a probe printed no facts');
    this.found.set(`probe ${probe.name}`, result.kind === 'failed' ? [] : result.capabilities);
  }

  /** The interval is that between the end of one look and the begin of the next: looks of one source never run side by side. */
  private repeat(everyMs: number, look: () => Promise<void>): void {
    if (this.stopped) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      look()
        .then(() => this.tell())
        .catch((error: unknown) => this.options.log.error({ err: error }, 'looking for capabilities failed'))
        .finally(() => this.repeat(everyMs, look));
    }, everyMs);
    timer.unref();
    this.timers.add(timer);
  }

  private tell(): void {
    if (this.stopped) return;
    const merged = this.merged();
    if (sameCapabilities(merged, this.said)) return;
    this.said = merged;
    this.options.onChange(merged);
  }

  private merged(): readonly Capability[] {
    return mergeCapabilities(...this.found.values(), this.containment, this.stated);
  }
}
