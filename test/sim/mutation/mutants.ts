/**
 * The rules of semantics 6, of sick hosts and of large commits, each removed: which lines of the code hold it, and what stands there instead. Where two parts of the
 * system hold the same rule, each behind the other, both are changed: one alone would be covered by the other.
 */
import { agentMutants } from './agent-mutants.ts';
import { certificateMutants } from './certificate-mutants.ts';
import { dependantMutants } from './dependant-mutants.ts';
import { leaderMutants } from './leader-mutants.ts';
import { setbackMutants } from './setback-mutants.ts';
import { shellMutants } from './shell-mutants.ts';
import { storeMutants } from './store-mutants.ts';

export interface Patch {
  /** From the root of the project. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly instead: string;
}

export interface Mutant {
  readonly id: string;
  /** What is so in its world, in a few words. */
  readonly what: string;
  readonly patches: readonly Patch[];
  /** Seeds that catch it, for the tests: at least one must. `npm run sim -- --mutants RULE` tells new ones when plans have changed. */
  readonly caughtBy: readonly number[];
  /** Transcripts of test/scenarios that come out differently: for rules whose removal is seldom noticed where everything breaks. */
  readonly caughtIn?: readonly string[];
}

export const MUTANTS: readonly Mutant[] = [
  ...agentMutants,
  ...leaderMutants,
  ...setbackMutants,
  ...storeMutants,
  ...shellMutants,
  ...dependantMutants,
  ...certificateMutants,
];
