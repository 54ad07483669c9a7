/**
 * Removes one rule from the code, in the simulator alone: a module loader that hands out the real source files with a few words
 * changed. The shipped code has no switch that could be set by mistake, and the table of mutants says which line holds which rule.
 *
 * A mutant is a world of modules of its own: `run.ts?mutant=C1` and everything it imports (or, for rules of the controller that only a
 * transcript notices for certain, the player of transcripts). A patch whose text is not found exactly
 * once is an error: the rule has moved, and the table must follow.
 */
import { registerHooks } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { present } from '../../../shared/assert.ts';
import type { RunOptions, SeedResult } from '../run.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { WATCHERS } from './watchers.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const MARK = '?mutant=';

let installed = false;

export interface MutantWorld {
  readonly runSeed: typeof import('../run.ts').runSeed;
}

/** Loads the simulator with a rule removed. */
export async function loadMutant(id: string): Promise<MutantWorld> {
  const mutant = mutantOf(id);
  install();
  const world: MutantWorld = await import(`../run.ts${MARK}${id}`);
  checkApplied(mutant);
  return world;
}

/** Loads the player of transcripts (test/scenarios) with a rule of the controller removed. */
export async function loadTranscripts(id: string): Promise<typeof import('../../scenarios/transcript.ts')> {
  const mutant = mutantOf(id);
  install();
  const world: typeof import('../../scenarios/transcript.ts') = await import(
    `../../scenarios/transcript.ts${MARK}${id}`
  );
  checkApplied(mutant);
  return world;
}

const mutantOf = (id: string): Mutant =>
  present(
    [...MUTANTS, ...WATCHERS].find((one) => one.id === id),
    `there is no mutant ${id}`,
  );

function checkApplied({ id, patches }: Mutant): void {
  const missing = patches.filter(({ file }) => !applied.get(id)?.has(file)).map(({ file }) => file);
  if (missing.length > 0) throw new Error(`mutant ${id}: ${missing.join(', ')} is not part of what is played`);
}

/** Whatever a seed did in such a world: it may well have crashed. */
export function play(world: MutantWorld, seed: number, options: RunOptions): SeedResult {
  try {
    return world.runSeed(seed, options);
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const violations = [{ invariant: 'ASSERT', at: 0, message } as const];
    return { seed, violations, simulatedMs: 0, steps: 0, starts: 0, trace: '' };
  }
}

/** Files that were patched, by mutant. */
const applied = new Map<string, Set<string>>();

function install(): void {
  if (installed) return;
  installed = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context);
      const mark = context.parentURL?.split(MARK)[1];
      const ours = resolved.url.startsWith('file:') && !resolved.url.includes('/node_modules/');
      if (mark === undefined || !ours || resolved.url.includes(MARK)) return resolved;
      return { ...resolved, url: `${resolved.url}${MARK}${mark}` };
    },
    load: (url, context, next) => {
      const loaded = next(url, context);
      const [path, id] = url.split(MARK);
      if (path === undefined || id === undefined) return loaded;
      return { ...loaded, source: patch(textOf(loaded.source), relative(ROOT, fileURLToPath(path)), id) };
    },
  });
}

function patch(source: string, file: string, id: string): string {
  let text = source;
  for (const change of mutantOf(id).patches) {
    if (change.file !== file) continue;
    const found = text.split(change.find).length - 1;
    if (found !== 1)
      throw new Error(`mutant ${id}: its text stands ${found} times in ${file}, not once:\n${change.find}`);
    text = text.replace(change.find, () => change.instead);
    applied.set(id, (applied.get(id) ?? new Set()).add(file));
  }
  return text;
}

/** Sources come as text or as its bytes. */
function textOf(source: string | ArrayBuffer | NodeJS.TypedArray | undefined | null): string {
  if (typeof source === 'string') return source;
  return source === undefined || source === null ? '' : new TextDecoder().decode(source);
}
