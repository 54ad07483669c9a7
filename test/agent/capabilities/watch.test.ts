import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CapabilityWatch } from '../../../agent/capabilities/watch.ts';
import { createLogger } from '../../../shared/log.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';

const log = createLogger({ name: 'test', level: 'silent' });
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

const text = (facts: readonly Capability[]): readonly string[] => facts.map(({ name, value }) => `${name}=${value}`);

async function until<T>(look: () => T | undefined): Promise<T> {
  for (let i = 0; i < 1_000; i += 1) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(10);
  }
  throw new Error('waited too long');
}

/** Collects every set that the watch tells. */
function watching(probes: ConstructorParameters<typeof CapabilityWatch>[0]['probes']): Capability[][] {
  const told: Capability[][] = [];
  const tell = (facts: readonly Capability[]): void => void told.push([...facts]);
  watch = new CapabilityWatch({ stated: { room: '12' }, probes, env, log, tell });
  return told;
}

describe('the watch over capabilities', () => {
  it('gives the first set with what is stated, found and probed, and tells a change only when there is one', async () => {
    const file = join(folder, 'facts');
    writeFileSync(file, 'disk=ssd\n');
    const told = watching([{ name: 'file', argv: ['cat', file], intervalMs: 20, timeoutMs: 2_000 }]);
    const first = await watch?.start();
    expect(text(first ?? [])).toEqual(expect.arrayContaining(['room=12', 'disk=ssd', 'os=linux']));
    await sleep(200);
    expect(told).toEqual([]);
    writeFileSync(file, 'disk=nvme\n');
    const changed = await until(() => told.find((facts) => text(facts).includes('disk=nvme')));
    expect(text(changed)).toContain('room=12');
    rmSync(file);
    await until(() => told.find((facts) => !facts.some(({ name }) => name === 'disk')));
  });

  it('says how process trees are held together, once the keeper has told', async () => {
    const told = watching([]);
    await watch?.start();
    watch?.setKeeper('CGROUP', ['env_from', 'resources.memory']);
    expect(text(told.at(-1) ?? [])).toEqual(
      expect.arrayContaining(['cgroup=v2', 'containment=cgroup', 'feature=env_from', 'feature=resources.memory']),
    );
    watch?.setKeeper('PROCESS_GROUP', []);
    expect(text(told.at(-1) ?? [])).toContain('containment=process-group');
    expect(text(told.at(-1) ?? [])).not.toContain('feature=env_from');
    expect(text(told.at(-1) ?? [])).not.toContain('cgroup=v2');
  });

  it('does not wait for a probe that takes long, and tells its facts when they come', async () => {
    const signal = join(folder, 'go');
    const script = `while [ ! -e ${signal} ]; do sleep 0.05; done; echo slow=1`;
    const told = watching([{ name: 'slow', argv: ['sh', '-c', script], intervalMs: 60_000, timeoutMs: 60_000 }]);
    const first = await watch?.start();
    expect(text(first ?? [])).not.toContain('slow=1');
    expect(text(first ?? [])).toContain('room=12');
    writeFileSync(signal, '');
    await until(() => told.find((facts) => text(facts).includes('slow=1')));
  });
});
