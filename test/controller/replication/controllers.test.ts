import { describe, expect, it } from 'vitest';
import { encodeCandidate } from '../../../controller/replication/candidate.ts';
import { Controllers } from '../../../controller/replication/controllers.ts';
import { LeaderView } from '../../../controller/replication/leader-view.ts';
import type { Store } from '../../../controller/store/store.ts';
import { createLogger } from '../../../shared/log.ts';

const candidate = (id: string): string => encodeCandidate({ id, api: `${id}:7400`, agent: `${id}:7401`, version: '1' });

/** Controllers of a store whose members are those of `present` at each look. */
function controllersOf(present: string[]): Controllers {
  const store: Pick<Store, 'members' | 'leader' | 'observe'> = {
    members: async () => present.map((id) => ({ candidate: candidate(id), silentMs: 0, note: '' })),
    leader: async () => ({ candidate: candidate('c1'), term: 3 }),
    observe: async () => undefined,
  } as unknown as Pick<Store, 'members' | 'leader' | 'observe'>;
  const log = createLogger({ name: 'test', level: 'silent' });
  return new Controllers({ store, view: new LeaderView({ store, log }), handOver: async () => undefined });
}

describe('the controllers of a store', () => {
  it('that were seen and are not there now are told as gone, until they are back', async () => {
    const present = ['c1', 'c2', 'c3'];
    const controllers = controllersOf(present);
    await controllers.list();
    expect(controllers.gone()).toEqual([]);
    present.splice(1, 1);
    await controllers.list();
    expect(controllers.gone().map(({ id }) => id)).toEqual(['c2']);
    present.push('c2');
    await controllers.list();
    expect(controllers.gone()).toEqual([]);
  });

  it('are remembered in a bounded number', async () => {
    const present = ['c1'];
    const controllers = controllersOf(present);
    for (let i = 0; i < 200; i += 1) {
      present[1] = `pod-${i}`;
      await controllers.list();
    }
    expect(controllers.gone().length).toBeLessThanOrEqual(64);
  });
});
