/** What a heal promises: beside a host that stays sick, nothing of a fault is left, however long the fault was to last. */
import { describe, expect, it } from 'vitest';
import { Prng } from '../../shared/prng.ts';
import { SECOND } from '../../shared/time.ts';
import { diskFaults } from './faults/disk-faults.ts';
import { policy, Story } from './story.ts';

const SEEDS = Array.from({ length: 30 }, (_, index) => index + 1);

describe('a heal', () => {
  it.each(Object.entries(diskFaults))(
    'leaves nothing of %s, and every server can start and kill again',
    (_, strike) => {
      for (const seed of SEEDS) {
        const story = new Story({ policies: [policy('p')] });
        strike(story.world, new Prng(seed));
        story.pass(SECOND);
        story.world.heal();
        const { now } = story.world.queue;
        for (const { host } of story.world.sites) {
          expect(host.disk.state).toBe('sound');
          expect(host.handsStuckUntil, `seed ${seed}`).toBeLessThanOrEqual(now);
        }
        story.pass(30 * SECOND);
        for (const { keeper } of story.world.sites) expect(keeper.serving, `seed ${seed}`).toBe(true);
        expect(story.living('p')).toHaveLength(1);
      }
    },
  );
});
