/**
 * Runs docs/model/lease.pml through spin: Promela to C, C to a program that visits every state, its report back to figures.
 * Nothing is downloaded; a machine without spin or without a C compiler gets the reason in words.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const model = join(dirname(import.meta.dirname), 'docs/model/lease.pml');

export type Invariant = 'I1' | 'I2' | 'I3';

/** The rules that a switch takes away, and the invariant that is looked at then: all of them are caught by I1, some by others too. */
export const rules: ReadonlyArray<readonly [rule: string, what: string, ...caughtBy: readonly Invariant[]]> = [
  ['F', 'W without the drift factor', 'I1'],
  ['GK', 'W without G + K', 'I1'],
  ['A2', 'a lease counts from the receive of its grant', 'I1'],
  ['A3_BOUND', 'a start is not bound to a heartbeat', 'I1'],
  ['A3_SPENT', 'a refused start does not spend its epoch', 'I1'],
  ['A3_SESSION', 'a session goes on starting after a newer Hello', 'I1'],
  ['A4', 'a timer is the check: no look at the clock before the spawn', 'I1'],
  ['A9', 'the agent alone watches D, and is hung', 'I1'],
  ['C1', 'a leader speaks without a check of its term', 'I1', 'I3'],
  ['C2', 'grants to an attempt about to stop are not noted', 'I1'],
  ['C3_GENERATION', 'an inventory older than a start in flight is a proof', 'I1'],
  ['C3_TAKEN', 'a Hello is a proof before the agent took its session', 'I1'],
  ['C4_CAS', 'a commit does not compare the term', 'I1', 'I2', 'I3'],
  ['C4_FIRST', 'a start leaves before its commit', 'I1', 'I2'],
  ['C4_STOP', 'a move starts elsewhere before the stop is confirmed', 'I1'],
  ['C5_LOAD', 'a new leader loads the store before its election', 'I1', 'I2'],
  ['C5_WAIT', 'a new leader does not wait from T0', 'I1'],
];

/** Rules about extensions: where there are none, they are not needed. */
export const needsExtensions: ReadonlySet<string> = new Set(['A2', 'C2']);

const SMALL = ['-DL=1', '-DGK=1', '-DSLOW=3'] as const;

/** Sizes of the instance. `small` is for tests: no lease can be extended in it. */
export const sizes = {
  small: SMALL,
  full: [],
  attempts: [...SMALL, '-DEPOCHS=3'],
  messages: [...SMALL, '-DROOM=2'],
} as const;

/** A search that needs more ends in an error. The full size takes 2 GB. */
const MEMORY_LIMIT_MIB = 5_000;

export interface Question {
  readonly size: keyof typeof sizes;
  /** A rule to take away; undefined: none. */
  readonly without?: string | undefined;
  /** Looks at this invariant alone; undefined: at all of them. */
  readonly only?: Invariant | undefined;
}

export interface Answer {
  /** The invariant that was broken; undefined: none, in all states that can be reached. */
  readonly violated: string | undefined;
  readonly states: number;
  /** Of the search, without the compiler. */
  readonly seconds: number;
}

export interface Tools {
  readonly compiler: string;
  /** In words, for the report. */
  readonly versions: string;
}

/** Finds spin and a C compiler, or says which is missing. */
export function findTools(): Tools | { readonly missing: string } {
  const spin = firstLine('spin', '-V');
  if (spin === undefined) return { missing: 'spin is not installed (on Debian: apt-get install spin)' };
  for (const compiler of ['cc', 'gcc', 'clang']) {
    const version = firstLine(compiler, '--version');
    if (version !== undefined) return { compiler, versions: `${spin}; ${version}` };
  }
  return { missing: 'there is no C compiler (on Debian: apt-get install gcc)' };
}

function firstLine(program: string, argument: string): string | undefined {
  const { status, stdout } = spawnSync(program, [argument], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}

/** Searches all states, or until a violation. @throws Error when spin, the compiler or the search fails */
export function search(tools: Tools, question: Question): Answer {
  return inFolder((folder) => {
    build(folder, tools, question);
    const startMs = performance.now();
    const report = run(folder, './pan', '-m2000000', `-w${question.size === 'small' ? 23 : 25}`, '-n');
    const seconds = (performance.now() - startMs) / 1000;
    const violated = violationIn(report);
    // A search that was cut short proves nothing, whatever else it says.
    const isWhole = /errors: 0/.test(report) && !/not completed|too small|out of memory/.test(report);
    if (violated === undefined && !isWhole) throw new Error(`the search did not end:\n${report}`);
    return { violated, states: Number(/([\d.e+]+) states, stored/.exec(report)?.[1]), seconds };
  });
}

/** The shortest way to a violation, step by step in words; empty: there is none of at most `limit` steps. */
export function counterexample(tools: Tools, question: Question, limit = 60): readonly string[] {
  return inFolder((folder) => {
    build(folder, tools, question, '-DREACH');
    for (let depth = 4; depth <= limit; depth += 1) {
      if (violationIn(run(folder, './pan', `-m${depth}`, '-w24', '-n')) === undefined) continue;
      // It ends with the violation, which is an error to spin.
      const replay = spawnSync('spin', [...spinOptions(tools, question), '-t', 'lease.pml'], {
        cwd: folder,
        encoding: 'utf8',
      });
      return stepsOf(replay.stdout);
    }
    return [];
  });
}

/** Spin looks for gcc to resolve the conditions in the model, whatever there is. */
function spinOptions({ compiler }: Tools, { size, without, only }: Question): readonly string[] {
  const removed = without === undefined ? [] : [`-DWITHOUT_${without}`];
  return [`-P${compiler} -E -x c`, ...sizes[size], ...removed, ...(only === undefined ? [] : [`-DONLY_${only}`])];
}

function build(folder: string, tools: Tools, question: Question, ...flags: readonly string[]): void {
  copyFileSync(model, join(folder, 'lease.pml'));
  run(folder, 'spin', ...spinOptions(tools, question), '-a', 'lease.pml');
  const options = ['-O2', '-w', '-DSAFETY', '-DNOREDUCE', `-DMEMLIM=${MEMORY_LIMIT_MIB}`, ...flags];
  run(folder, tools.compiler, ...options, '-o', 'pan', 'pan.c');
}

const violationIn = (report: string): string | undefined => /assertion violated \(?(I[123])\b/.exec(report)?.[1];

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'locum-model-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the model prints of each step, without spin's own lines. */
function stepsOf(replay: string): readonly string[] {
  return replay
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(?:agent|keeper|network|standby|controller \d):|^tick/.test(line));
}

function run(folder: string, program: string, ...args: readonly string[]): string {
  const options = { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (error !== undefined || status === null)
    throw new Error(`${program} failed: ${error?.message ?? 'it was killed'}`);
  // Spin exits with 0 and complains on stdout; pan with 0 whatever it finds.
  if (status !== 0 || /^spin: .*Error/m.test(stdout)) throw new Error(`${program} failed:\n${stdout}${stderr}`);
  return stdout;
}
