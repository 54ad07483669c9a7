/** What depends on a change (controller/core/cluster/dependants.ts), each time one word of the table removed. */
import type { Mutant } from './mutants.ts';

const TABLE = 'controller/core/cluster/dependants.ts';

export const dependantMutants: readonly Mutant[] = [
  {
    id: 'D-capabilities',
    what: 'a server whose capabilities change is not looked at: its new ones are not found',
    caughtBy: [],
    caughtIn: ['requirements.txt', 'claims-void.txt'],
    patches: [
      {
        file: TABLE,
        find: "capabilities: edited('its runs', 'itself', 'blocked runs'),",
        instead: "capabilities: edited('its runs', 'blocked runs'),",
      },
    ],
  },
  {
    id: 'D-slots',
    what: 'a slot that is kept, or given back, is not seen by whoever waits for one',
    caughtBy: [],
    caughtIn: ['drain.txt', 'order-move-now.txt'],
    patches: [
      {
        file: TABLE,
        find: "reservation: edited('its servers'),",
        instead: 'reservation: edited(),',
      },
    ],
  },
  {
    id: 'D-paused',
    what: 'a policy that is resumed starts nothing',
    caughtBy: [],
    caughtIn: ['pause-policy.txt', 'schedule.txt'],
    patches: [{ file: TABLE, find: "paused: edited('itself'),", instead: 'paused: edited(),' }],
  },
  {
    id: 'D-end',
    what: 'the end of a run is news to nobody: its policy starts no other one, and is not deleted',
    caughtBy: [],
    caughtIn: ['delete-while-cut-off.txt'],
    patches: [
      { file: TABLE, find: "state: asItsState('its policy, once it has ended'),", instead: 'state: asItsState(),' },
    ],
  },
];
