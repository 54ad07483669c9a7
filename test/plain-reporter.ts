/**
 * Ends a test run with two things a script can rely on: every skip with its reason, and as the very last line
 * `N passed, N failed, N skipped`.
 *
 * A skip without a reason hides a gap, so tests skip with `ctx.skip('reason')` and the reason is printed here.
 */
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface Tally {
  passed: number;
  failed: number;
  /** One line per skipped test: its place, and why. */
  readonly skips: string[];
}

/** Counts results. A module that did not load and an error outside any test each count as one failure. */
export function tally(modules: ReadonlyArray<TestModule>, unhandledErrors: number): Tally {
  const counts: Tally = { passed: 0, failed: unhandledErrors, skips: [] };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') counts.passed += 1;
      else if (result.state === 'failed') counts.failed += 1;
      else if (result.state === 'skipped') {
        counts.skips.push(`${module.relativeModuleId} > ${test.fullName}: ${result.note ?? 'no reason given'}`);
      }
      // A test still pending at the end never ran: the run was cut short, and must not look green.
      else counts.failed += 1;
    }
  }
  return counts;
}

export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<SerializedError>): void {
    const { passed, failed, skips } = tally(modules, unhandledErrors.length);
    // The other reporters print after this hook; the exit event is the only place that is surely last.
    process.once('exit', () => {
      for (const skip of skips) console.log(`skipped: ${skip}`);
      console.log(`${passed} passed, ${failed} failed, ${skips.length} skipped`);
    });
  }
}
