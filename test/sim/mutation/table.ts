/** Plays seeds in a world without one rule, and counts what is caught, by which invariant. */
import type { Invariant } from '../violation.ts';
import { loadMutant, play } from './loader.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

export interface Caught {
  readonly mutant: Mutant;
  readonly seeds: number;
  /** Seeds in which anything was found, and the first one. */
  readonly caught: number;
  readonly first: number | undefined;
  readonly by: ReadonlyMap<Invariant, number>;
  readonly failure: string | undefined;
}

export async function tryMutant(
  mutant: Mutant,
  options: { readonly from: number; readonly seeds: number; readonly stopAtFirst?: boolean },
): Promise<Caught> {
  const { from, seeds, stopAtFirst = false } = options;
  const by = new Map<Invariant, number>();
  let caught = 0;
  let played = 0;
  let first: number | undefined;
  const world = await loadMutant(mutant.id).catch((error: unknown) => String(error));
  if (typeof world === 'string') return { mutant, seeds: 0, caught, first, by, failure: world };
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { violations } = play(world, seed);
    played += 1;
    for (const { invariant } of violations) by.set(invariant, (by.get(invariant) ?? 0) + 1);
    if (violations.length === 0) continue;
    caught += 1;
    first ??= seed;
    if (stopAtFirst) break;
  }
  return { mutant, seeds: played, caught, first, by, failure: undefined };
}

export function mutantsNamed(names: readonly string[]): readonly Mutant[] {
  return names.length === 0
    ? MUTANTS
    : MUTANTS.filter(({ id }) => names.some((name) => id === name || id.startsWith(`${name}-`)));
}

/** One line of a Markdown table. */
export function lineOf({ mutant, seeds, caught, first, by, failure }: Caught): string {
  if (failure !== undefined) return `| ${mutant.id} | ${failure.replaceAll('\n', ' ')} | | | |`;
  const invariants = [...by].sort((a, b) => b[1] - a[1]).map(([invariant, count]) => `${invariant} ${count}`);
  return `| ${mutant.id} | ${mutant.what} | ${caught} of ${seeds} | ${invariants.join(', ')} | ${first ?? '–'} |`;
}

export const TABLE_HEAD = '| rule removed | what is so then | caught | by | first seed |\n|---|---|---|---|---|';
