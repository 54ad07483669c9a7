/** What the leader's shell holds by itself: rules of the committer, each removed. */
import type { Mutant } from './mutants.ts';

export const shellMutants: readonly Mutant[] = [
  {
    id: 'E-unknown',
    what: 'a commit whose outcome is not known counts as made',
    caughtBy: [3, 15],
    patches: [
      { file: 'controller/engine/committer.ts', find: 'this.#findOut(job);', instead: 'this.#committed(job, 0);' },
    ],
  },
];
