/** Worlds in which the code is watched from inside: nothing is taken away, and nothing may be noticed. */
import type { Mutant } from './mutants.ts';

const SETTLE = 'controller/core/settle.ts';

export const WATCHERS: readonly Mutant[] = [
  {
    id: 'second-look',
    what: 'after each step everything is looked at once more, and nothing changes',
    caughtBy: [],
    patches: [
      {
        file: SETTLE,
        find: "import { poolLiveOf, serverOf } from './cluster/cluster.ts';",
        instead:
          "import { lookTwice } from '../../test/sim/mutation/second-look.ts';\nimport { poolLiveOf, serverOf } from './cluster/cluster.ts';",
      },
      {
        file: SETTLE,
        find: '  turn.blockedWereTold();',
        instead: '  turn.blockedWereTold();\n  lookTwice(turn, settle);',
      },
    ],
  },
];
