import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CapabilityWatch, type Findings, type HostLooks } from '../../../agent/capabilities/watch.ts';
import { PROBE_EVERY_MS } from '../../../agent/config.ts';
import { createLogger } from '../../../shared/log.ts';

const log = createLogger({ name: 'test', level: 'silent' });
/** With this it is told: 5 s and a tenth of them. */
const HEARTBEAT_MS = 5_500;
const env = { PATH: process.env['PATH'] };

let folder: string;
let watch: CapabilityWatch | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-facts-'));
});
afterEach(() => {
  watch?.stop();
  rmSync(folder, { recursive: true });
});

const text = (all: Pick<Findings, 'capabilities'> | undefined): readonly string[] =>
  (all?.capabilities ?? []).map(({ name, value }) => `${name}=${value}`);

/** The test's own timeout is the bound. */
async function until<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(10);
  }
}

/** Starts a watch, and collects every set that it gives: the first as well, which on a busy machine may lack what comes later. */
async function watching(probes: ConstructorParameters<typeof CapabilityWatch>[0]['probes']): Promise<Findings[]> {
  const given: Findings[] = [];
  const tell = (all: Findings): void => void given.push(all);
  watch = new CapabilityWatch({ stated: { room: '12' }, probes, env, log, tell });
  given.push(await watch.start());
  return given;
}

describe('the watch over capabilities', () => {
  it('gives what is stated, found and probed, and then what changes', async () => {
    const file = join(folder, 'facts');
    writeFileSync(file, 'disk=ssd\n');
    const given = await watching([{ name: 'file', argv: ['cat', file], intervalMs: 20, timeoutMs: 60_000 }]);
    const newest = (): readonly string[] => text(given.at(-1));
    await expect.poll(newest).toEqual(expect.arrayContaining(['room=12', 'disk=ssd', 'os=linux']));
    writeFileSync(file, 'disk=nvme\n');
    await expect.poll(newest).toEqual(expect.arrayContaining(['room=12', 'disk=nvme', 'os=linux']));
    rmSync(file);
    await expect.poll(() => newest().filter((fact) => fact.startsWith('disk='))).toEqual([]);
  });

  it('says how process trees are held together, once the keeper has told', async () => {
    const given = await watching([]);
    watch?.setKeeper('CGROUP', ['env_from', 'resources.memory']);
    expect(text(given.at(-1))).toEqual(
      expect.arrayContaining(['cgroup=v2', 'containment=cgroup', 'feature=env_from', 'feature=resources.memory']),
    );
    watch?.setKeeper('PROCESS_GROUP', []);
    expect(text(given.at(-1))).toContain('containment=process-group');
    expect(text(given.at(-1))).not.toContain('feature=env_from');
    expect(text(given.at(-1))).not.toContain('cgroup=v2');
  });

  it('does not wait for a probe that takes long, and tells its facts when they come', async () => {
    const signal = join(folder, 'go');
    const script = `while [ ! -e ${signal} ]; do sleep 0.05; done; echo slow=1`;
    const given = await watching([{ name: 'slow', argv: ['sh', '-c', script], intervalMs: 60_000, timeoutMs: 60_000 }]);
    expect(text(given[0])).not.toContain('slow=1');
    expect(text(given[0])).toContain('room=12');
    writeFileSync(signal, '');
    await until(() => given.find((all) => text(all).includes('slow=1')));
  });
});

describe('a probe that fails', () => {
  const script = (text: string) => ({ argv: ['sh', '-c', text], intervalMs: 60_000, timeoutMs: 60_000 });

  it('is told with its exit code, its signal or that it was late, never with what it printed', async () => {
    const given = await watching([
      { name: 'code', ...script('echo secret >&2; exit 3') },
      { name: 'good', ...script('echo fine=1') },
      { name: 'late', ...script('exec sleep 100'), timeoutMs: 300 },
      { name: 'missing', argv: ['/nowhere/probe', 'secret'], intervalMs: 60_000, timeoutMs: 60_000 },
      { name: 'noisy', ...script('yes | head -c 100000') },
      { name: 'signal', ...script('kill -TERM $$') },
    ]);
    const whole = await until(() =>
      given.find((all) => all.probeFailures.length === 5 && text(all).includes('fine=1')),
    );
    expect(whole.probeFailures).toEqual([
      { probe: 'code', detail: 'exited with 3' },
      { probe: 'late', detail: 'killed after 300 ms' },
      { probe: 'missing', detail: 'could not be run: ENOENT' },
      { probe: 'noisy', detail: 'printed more than 64 KiB' },
      { probe: 'signal', detail: 'was ended by SIGTERM' },
    ]);
  });
});

describe('on virtual time, a gain or a loss', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A host whose runtimes and probe say what they are told to. */
  function virtualHost() {
    const host = { runtimes: ['bash=5.2'], probe: 'ok' as 'ok' | 'fails' | 'hangs' };
    const looks: HostLooks = {
      runtimeFiles: async () => host.runtimes.join(),
      fingerprint: async () => ({
        facts: host.runtimes.map((one) => ({
          name: one.split('=')[0] ?? '',
          value: one.split('=')[1] ?? '',
          source: 'FINGERPRINT' as const,
        })),
        isSure: true,
      }),
      runProbe: async ({ timeoutMs }) => {
        if (host.probe === 'hangs') await new Promise((resolve) => setTimeout(resolve, timeoutMs));
        if (host.probe !== 'ok') return { kind: 'failed', outcome: host.probe, detail: '' };
        return { kind: 'facts', capabilities: [{ name: 'licence', value: '2', source: 'PROBE' }], unread: [] };
      },
    };
    return { host, looks };
  }

  it.each([
    ['an installed runtime', 'runtimes', ['bash=5.2', 'dotnet=8.0'], 'bash=5.2 dotnet=8.0 licence=2'],
    ['a removed runtime', 'runtimes', [], 'licence=2'],
    ['a probe that fails', 'probe', 'fails', 'bash=5.2, licence fails'],
    ['a probe that hangs', 'probe', 'hangs', 'bash=5.2, licence hangs'],
  ] as const)('is told within 60 s, whenever it comes: %s', async (_what, field, change, expected) => {
    for (const atMs of [0, 1_000, 29_999, 30_001, 59_999, 123_456]) {
      const { host, looks } = virtualHost();
      const told: string[] = [];
      const say = (all: Findings): string =>
        [text(all).join(' '), ...all.probeFailures.map(({ probe, detail }) => `${probe} ${detail}`)].join(', ');
      // As an agent has them whose configuration says nothing of times, 10 s for an answer included.
      const probes = [{ name: 'licence', argv: ['licence'], intervalMs: PROBE_EVERY_MS, timeoutMs: 10_000 }];
      const one = new CapabilityWatch({
        stated: {},
        probes,
        env,
        log,
        host: looks,
        tell: (all) => told.push(say(all)),
      });
      expect(say(await one.start())).toBe('bash=5.2 licence=2');
      await vi.advanceTimersByTimeAsync(atMs);
      Object.assign(host, { [field]: change });
      await vi.advanceTimersByTimeAsync(60_000 - HEARTBEAT_MS);
      expect({ atMs, told }).toEqual({ atMs, told: [expected] });
      // And back again.
      Object.assign(host, { [field]: field === 'probe' ? 'ok' : ['bash=5.2'] });
      await vi.advanceTimersByTimeAsync(60_000);
      expect({ atMs, told: told.at(-1) }).toEqual({ atMs, told: 'bash=5.2 licence=2' });
      one.stop();
    }
  });
});
