/** What keeps a sick host from being handed runs again and again (semantics 7 and 8), each rule removed. */
import type { Mutant } from './mutants.ts';

const SETBACK = 'controller/core/placement/setback.ts';
const GATE = 'controller/core/placement/gate-view.ts';

export const setbackMutants: readonly Mutant[] = [
  {
    id: 'P-pause',
    what: 'an attempt that came to nothing costs no pause',
    caughtBy: [4, 18],
    patches: [
      {
        file: SETBACK,
        find: 'Math.min(SETBACK_PAUSE_MAX_MS, SETBACK_PAUSE_FIRST_MS * 2 ** Math.min(Math.max(0, count - 1), 10));',
        instead:
          'Math.min(SETBACK_PAUSE_MAX_MS, SETBACK_PAUSE_FIRST_MS * 2 ** Math.min(Math.max(0, count - 1), 10)) * 0;',
      },
    ],
  },
  {
    id: 'P-skip',
    what: 'a server where an attempt came to nothing is not avoided',
    caughtBy: [],
    caughtIn: ['wait-under-a-server-that-is-up.txt', 'all-are-skipped.txt'],
    patches: [
      {
        file: SETBACK,
        find: 'untilAge: Math.max(skip.untilAge, age + skipMs),',
        instead: 'untilAge: Math.max(0, skip.untilAge, age - skipMs),',
      },
    ],
  },
  {
    id: 'P-wait',
    what: 'a wait that ends under a server that is up again is no sign against it',
    caughtBy: [],
    caughtIn: ['wait-under-a-server-that-is-up.txt'],
    patches: [
      {
        file: 'controller/core/runs/run-end.ts',
        find: "if (server === 'UP') return runMissing(policy);",
        instead: "if (server === 'UP') return again('RECOVERY', 'RECOVERY', 'SERVER_MISSING');",
      },
    ],
  },
  {
    id: 'P-oldest',
    what: 'where every server that fits is avoided, the first in rank is taken',
    caughtBy: [10, 11],
    patches: [
      {
        file: 'controller/core/indexes/placement-index.ts',
        find: 'rank = this.#firstSkipped(query, search);',
        instead: 'rank = this.#firstIn(query, search);',
      },
    ],
  },
  {
    id: 'P-last',
    what: 'a closed gate is closed, also where a policy has no other server',
    caughtBy: [],
    caughtIn: ['probation-reported.txt', 'quarantine.txt'],
    patches: [
      {
        file: 'controller/core/placement/choose.ts',
        find: 'return { server: lastResort.choose(query), isLastResort: true };',
        instead: 'return { server, isLastResort: false };',
      },
    ],
  },
  {
    id: 'P-probation',
    what: 'a host that can start nothing is in the available list',
    caughtBy: [2, 3],
    patches: [
      {
        file: GATE,
        find: "return probation.phase === 'TRIAL' && !hasStartUnderWay(state, server);",
        instead: 'return state !== undefined;',
      },
    ],
  },
  {
    id: 'P-quarantine',
    what: 'a server that went missing again and again is in the available list',
    caughtBy: [16, 49],
    patches: [
      {
        file: GATE,
        find: "if (quarantine !== undefined && quarantine.phase !== 'OVER') return false;",
        instead: 'if (quarantine === null) return false;',
      },
    ],
  },
];
