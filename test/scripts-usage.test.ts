import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const TIMEOUT_MS = 90_000;

function script(path: string, ...args: string[]) {
  const [file = '', ...words] = [...path.split(' '), ...args];
  const env = { ...process.env, LOCUM_FAULTS_ONLY: args.includes('ONLY') ? 'no such fault' : '' };
  const rest = words.filter((word) => word !== 'ONLY');
  return spawnSync(process.execPath, [join(root, file), ...rest], { encoding: 'utf8', timeout: TIMEOUT_MS, env });
}

describe('a script of the project', () => {
  it.each([
    'bench/main.ts',
    'test/sim/main.ts',
    'demo/main.ts',
    'scripts/check-model.ts',
    'test/faults/main.ts',
    'scripts/protos.ts',
    'scripts/package/main.ts',
  ])('%s says with --help what it can do, and does nothing', { timeout: TIMEOUT_MS }, (path) => {
    const { status, stdout, stderr } = script(path, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^npm run (?:bench|sim|demo|model|faults|protos|package)/);
    expect(stdout.split('\n').length).toBeGreaterThan(2);
  });

  it.each([
    ['bench/main.ts', 'nothing', 'There is no benchmark "nothing"'],
    ['test/sim/main.ts', '--mutants NONE', 'unknown: NONE. Known: A1'],
    ['test/sim/main.ts', '--seeds many', '--seeds: "many" is no whole number'],
    ['test/sim/main.ts', '--sedes 3', "Unknown option '--sedes'"],
    ['demo/main.ts', '--fast', "Unknown option '--fast'"],
    ['scripts/protos.ts', 'import somewhere', 'npm run protos -- export FOLDER'],
    ['scripts/package/main.ts', 'rpm', 'There is no package "rpm". There are: npm, archive, deb'],
    ['scripts/package/main.ts', 'npm --arch mips', '--arch: "mips" is none of x64, arm64'],
    ['test/faults/main.ts', 'ONLY', 'unknown: no such fault. Known: agent: kill -9'],
  ])('%s %s is refused in a line or two, never passed over', { timeout: TIMEOUT_MS }, (path, words, says) => {
    const { status, stdout, stderr } = script(path, ...words.split(' '));
    expect(status).toBe(1);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
  });
});
