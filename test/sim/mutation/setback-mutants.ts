/** What keeps a sick host from being handed runs again and again (semantics 7 and 8), each rule removed. */
import type { Mutant } from './mutants.ts';

const SETBACK = 'controller/core/setback.ts';
const GATE = 'controller/core/server-gate.ts';

export const setbackMutants: readonly Mutant[] = [
  {
    id: 'P-pause',
    what: 'an attempt that came to nothing costs no pause',
    caughtBy: [4, 18],
    patches: [
      {
        file: SETBACK,
        find: 'Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(Math.max(0, count - 1), 10));',
        instead: 'Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(Math.max(0, count - 1), 10)) * 0;',
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
