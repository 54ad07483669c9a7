/** The table of mutants: in how many seeds the removal of each rule is noticed, by which invariant. */
import type { Tally } from '../tally.ts';
import type { Invariant } from '../violation.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

export function mutantsNamed(names: readonly string[]): readonly Mutant[] {
  return names.length === 0
    ? MUTANTS
    : MUTANTS.filter(({ id }) => names.some((name) => id === name || id.startsWith(`${name}-`)));
}

export const TABLE_HEAD = '| rule removed | what is so then | caught | by | first seeds |\n|---|---|---|---|---|';

/** One line of a Markdown table, from all the tallies of a mutant. */
export function lineOf({ id, what }: Mutant, tallies: readonly Tally[]): string {
  const failure = tallies.find((tally) => tally.failure !== undefined)?.failure;
  if (failure !== undefined) return `| ${id} | ${failure.replaceAll('\n', ' ')} | | | |`;
  const red = tallies.flatMap((tally) => tally.red);
  const seeds = tallies.reduce((sum, { task }) => sum + task.seeds, 0);
  const by = new Map<Invariant, number>();
  for (const { violations } of red)
    for (const { invariant } of violations) by.set(invariant, (by.get(invariant) ?? 0) + 1);
  const invariants = [...by].sort((a, b) => b[1] - a[1]).map(([invariant, count]) => `${invariant} ${count}`);
  const first = red.map(({ seed }) => seed).sort((a, b) => a - b);
  return `| ${id} | ${what} | ${red.length} of ${seeds} | ${invariants.join(', ')} | ${first.slice(0, 3).join(', ')} |`;
}
