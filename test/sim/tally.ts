/** Plays a row of seeds, with all rules or without one, and counts what came of it. */
import { readFile } from 'node:fs/promises';
import { loadMutant, loadTranscripts, play } from './mutation/loader.ts';
import { runSeed, type SeedResult } from './run.ts';

export interface Task {
  /** The rule that is removed. Undefined: none. */
  readonly mutant: string | undefined;
  readonly from: number;
  readonly seeds: number;
  /** Played instead of seeds: its name in test/scenarios. It counts as red when it comes out differently. */
  readonly transcript?: string;
}

export interface Tally {
  readonly task: Task;
  readonly simulatedMs: number;
  /** Process trees that were started. */
  readonly starts: number;
  /** Seeds in which a promise was broken, ascending. */
  readonly red: readonly Pick<SeedResult, 'seed' | 'violations'>[];
  /** The mutant does not fit the code any more, and nothing was played. */
  readonly failure: string | undefined;
}

export async function playTask(task: Task): Promise<Tally> {
  const { mutant, from, seeds, transcript } = task;
  if (mutant !== undefined && transcript !== undefined) return playTranscript(task, mutant, transcript);
  const world = mutant === undefined ? { runSeed } : await loadMutant(mutant).catch((error: unknown) => String(error));
  if (typeof world === 'string') return { task, simulatedMs: 0, starts: 0, red: [], failure: world };
  const red: SeedResult[] = [];
  let simulatedMs = 0;
  let starts = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = play(world, seed, { goOn: mutant !== undefined });
    simulatedMs += result.simulatedMs;
    starts += result.starts;
    if (result.violations.length > 0) red.push(result);
  }
  return { task, simulatedMs, starts, red, failure: undefined };
}

async function playTranscript(task: Task, mutant: string, name: string): Promise<Tally> {
  const nothing = { task, simulatedMs: 0, starts: 0, red: [], failure: undefined };
  const text = await readFile(new URL(`../scenarios/${name}`, import.meta.url), 'utf8');
  const world = await loadTranscripts(mutant).catch((error: unknown) => String(error));
  if (typeof world === 'string') return { ...nothing, failure: world };
  if (world.play(text) === text) return nothing;
  return { ...nothing, red: [{ seed: 0, violations: [{ invariant: 'TRANSCRIPT', at: 0, message: name }] }] };
}

/** A long row in pieces, so that several can work on it and something is heard now and then. */
export function pieces({ mutant, from, seeds }: Task, size: number): readonly Task[] {
  const count = Math.ceil(seeds / size);
  return Array.from({ length: count }, (_, index) => {
    const first = from + index * size;
    return { mutant, from: first, seeds: Math.min(size, from + seeds - first) };
  });
}
