/**
 * `npm run check`: everything that can be said about the code without running it. One line per step; a step that fails
 * shows its whole output, and its first lines once more at the end. All steps run even after a failure, so that one run tells everything.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { failureLines } from './failure-lines.ts';

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

const root = dirname(import.meta.dirname);
const bin = join(root, 'node_modules/.bin');
// The tools are Node scripts found through PATH, and must get the Node of this project even when npm did not start us.
const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' };

function run(command: string, ...args: readonly string[]): Outcome {
  const limitBytes = 64 * 1024 * 1024;
  const done = spawnSync(command, args, { cwd: root, env, encoding: 'utf8', maxBuffer: limitBytes });
  const trouble = done.error === undefined ? '' : `${command}: ${done.error.message}\n`;
  return { ok: done.status === 0, output: `${trouble}${done.stdout ?? ''}${done.stderr ?? ''}` };
}

function filesBelow(folder: string): Set<string> {
  if (!existsSync(folder)) return new Set();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Set(entries.filter((e) => e.isFile()).map((e) => relative(folder, join(e.parentPath, e.name))));
}

/**
 * Generates into a folder of its own and compares: this works on a tree with uncommitted changes, and changes nothing
 * in it.
 */
function compareGeneratedCode(): Outcome {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, 'locum-check-'));
  try {
    const generated = run(process.execPath, 'scripts/generate.ts', fresh);
    if (!generated.ok) return generated;
    const complaints = ['shared/gen', 'docs/reference'].flatMap((folder) => differences(fresh, root, folder));
    const advice = 'Run `npm run generate` and commit what it changes.';
    return { ok: complaints.length === 0, output: [...complaints, advice, ''].join('\n') };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function differences(want: string, have: string, folder: string): string[] {
  const [wanted, present] = [filesBelow(join(want, folder)), filesBelow(join(have, folder))];
  const isSame = (file: string): boolean =>
    readFileSync(join(want, folder, file)).equals(readFileSync(join(have, folder, file)));
  return [
    ...[...wanted].filter((file) => !present.has(file)).map((file) => `${folder}/${file} is missing`),
    ...[...present].filter((file) => !wanted.has(file)).map((file) => `${folder}/${file} is not made any more`),
    ...[...wanted]
      .filter((file) => present.has(file) && !isSame(file))
      .map((file) => `${folder}/${file} is not what is made now`),
  ];
}

const steps: ReadonlyArray<readonly [name: string, check: () => Outcome]> = [
  ['types', () => run('tsc', '-p', 'tsconfig.json')],
  ['format and lint', () => run('biome', 'ci', '--error-on-warnings', '--max-diagnostics=none', '--colors=off')],
  ['typed lint', () => run('oxlint', '--deny-warnings')],
  ['protos', () => run('buf', 'lint')],
  ['protos break no client', () => run(process.execPath, 'scripts/protos.ts', 'breaking')],
  ['generated code is up to date', compareGeneratedCode],
];

let failed = 0;
const failures: string[] = [];
for (const [name, check] of steps) {
  const startMs = performance.now();
  const { ok, output } = check();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  if (!ok) {
    failures.push(...failureLines(name, output));
    failed += 1;
    console.log(output);
  }
}
for (const line of failures) console.log(line);
console.log(`${steps.length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
