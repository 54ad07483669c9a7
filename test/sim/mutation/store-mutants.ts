/** A commit that is larger than one transaction of its store (ADR 0010): each rule that keeps it whole, removed from the model of one. */
import type { Mutant } from './mutants.ts';

const STAGED = 'test/sim/staged-records.ts';

export const storeMutants: readonly Mutant[] = [
  {
    id: 'S-staged',
    what: 'pieces of a large commit become visible as they come',
    caughtBy: [13, 14],
    patches: [
      {
        file: STAGED,
        find: 'this.#chunks.set(`${attempt}/${index}`, writes);',
        instead: 'this.#chunks.set(`${attempt}/${index}`, writes);\n    apply(this.#records, writes);',
      },
    ],
  },
  {
    id: 'S-overlay',
    what: 'readers see a large commit only as far as it is unfolded',
    caughtBy: [2, 10],
    patches: [
      {
        file: STAGED,
        find: 'if (this.#named === undefined) return this.#records;',
        instead: 'if (this.#chunks.size >= 0) return this.#records;',
      },
    ],
  },
  {
    id: 'S-unfold',
    what: 'the next leader removes what is staged without unfolding what the head names',
    caughtBy: [146, 399],
    patches: [
      { file: STAGED, find: 'if (this.#named !== undefined) apply(this.#records, this.#namedWrites());', instead: '' },
    ],
  },
];
