/**
 * Ends a test run with what a script, or somebody who sees only the end of the output, can rely on: every skip with its reason, every
 * failure with the first lines of its error, and as the very last line `N passed, N failed, N skipped`.
 *
 * A skip without a reason hides a gap, so tests skip with `ctx.skip('reason')` and the reason is printed here.
 */
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';
import { failureLines } from '../scripts/failure-lines.ts';

/** A broken fixture fails hundreds of tests: of the later ones the names alone are told. */
const TOLD_FAILURES = 20;

interface Failure {
  readonly name: string;
  readonly error: SerializedError;
}

export interface Tally {
  passed: number;
  readonly failures: Failure[];
  /** One line per skipped test: its place, and why. */
  readonly skips: string[];
}

/** Counts results. A module that did not load and an error outside any test each count as one failure. */
export function tally(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<SerializedError>): Tally {
  const counts: Tally = { passed: 0, failures: [], skips: [] };
  for (const module of modules) {
    const place = module.relativeModuleId;
    counts.failures.push(...module.errors().map((error) => ({ name: place, error })));
    for (const suite of module.children.allSuites())
      counts.failures.push(...suite.errors().map((error) => ({ name: `${place} > ${suite.fullName}`, error })));
    for (const test of module.children.allTests()) count(counts, `${place} > ${test.fullName}`, test);
  }
  counts.failures.push(...unhandled.map((error) => ({ name: 'outside any test', error })));
  return counts;
}

function count(counts: Tally, name: string, test: TestCase): void {
  const result = test.result();
  if (result.state === 'passed') counts.passed += 1;
  else if (result.state === 'skipped') counts.skips.push(`${name}: ${result.note ?? 'no reason given'}`);
  else if (result.state === 'failed') {
    const [error = { message: 'it failed without an error' }] = result.errors;
    counts.failures.push({ name, error });
  }
  // A test still pending at the end never ran: the run was cut short, and must not look green.
  else counts.failures.push({ name, error: { message: 'it did not run' } });
}

/** What is wrong, where, and then what differs. */
function told({ message, name, stacks = [], ...error }: SerializedError): string {
  const [at] = stacks;
  const place = at === undefined ? [] : [`at ${relative(process.cwd(), at.file)}:${at.line}:${at.column}`];
  const diff = typeof error['diff'] === 'string' ? [error['diff']] : [];
  return [name === undefined ? message : `${name}: ${message}`, ...place, ...diff].join('\n');
}

export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<SerializedError>): void {
    const { passed, failures, skips } = tally(modules, unhandled);
    // The other reporters print after this hook; the exit event is the only place that is surely last.
    process.once('exit', () => {
      for (const skip of skips) console.log(`skipped: ${skip}`);
      for (const [n, { name, error }] of failures.entries())
        for (const line of failureLines(name, n < TOLD_FAILURES ? told(error) : '')) console.log(line);
      console.log(`${passed} passed, ${failures.length} failed, ${skips.length} skipped`);
    });
  }
}
