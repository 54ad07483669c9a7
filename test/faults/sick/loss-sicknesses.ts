/** Hosts whose state directory is gone, as after a clean-up that went too far. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sickness } from './sickness.ts';

export const LOSS_SICKNESSES: readonly Sickness[] = [
  {
    name: 'state directory emptied',
    toll: 'none',
    refusesStarts: false,
    inflict: ({ stateDir }) => {
      for (const name of readdirSync(stateDir)) rmSync(join(stateDir, name), { recursive: true, force: true });
    },
  },
];
