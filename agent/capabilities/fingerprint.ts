/** What the agent finds out about its host by itself. */
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, platform, release, totalmem } from 'node:os';
import type { Capability } from '../../shared/protocol/capability.ts';
import { type Found, findRuntimes } from './runtimes.ts';

/**
 * Operating system, architecture, size, and runtimes. `env` is where programs are looked for, as workloads would. `before`: what was
 * found last.
 */
export async function fingerprint(env: NodeJS.ProcessEnv, before: readonly Capability[] = []): Promise<Found> {
  const { facts, isSure } = await findRuntimes(env, before);
  return { facts: [...hostFacts(), ...facts], isSure };
}

function hostFacts(): readonly Capability[] {
  const { id, version } = distribution();
  const facts: readonly (readonly [name: string, value: string])[] = [
    ['os', osName()],
    ['os.distribution', id],
    ['os.version', version],
    ['arch', arch()],
    ['cores', String(availableParallelism())],
    ['memory_gib', String(Math.floor((10 * totalmem()) / 2 ** 30) / 10)],
    ['kernel', /^\d+(?:\.\d+)*/.exec(release())?.[0] ?? release()],
  ];
  return facts.filter(([, value]) => value !== '').map(([name, value]) => ({ name, value, source: 'FINGERPRINT' }));
}

function osName(): string {
  const names: Readonly<Partial<Record<NodeJS.Platform, string>>> = { win32: 'windows', darwin: 'macos' };
  return names[platform()] ?? platform();
}

/** From os-release(5); empty where there is none. */
function distribution(): { readonly id: string; readonly version: string } {
  const text = readOsRelease();
  const field = (name: string): string => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: field('ID'), version: field('VERSION_ID') };
}

function readOsRelease(): string {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // The other place has it, or there is none.
    }
  }
  return '';
}
