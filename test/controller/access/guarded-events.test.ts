/** Who reads in the event log who was given what: those who may list it, by whatever way the log is read. */
import { describe, expect, it } from 'vitest';
import { Sight } from '../../../controller/api/sight.ts';
import { emptyCluster } from '../../../controller/core/cluster/cluster.ts';
import { EVENT_SUBJECTS, EVENT_TYPES } from '../../../controller/core/records/event-type.ts';
import { GUARDED_EVENTS } from '../../../controller/core/records/guarded-event.ts';
import { UNKNOWN_WORD } from '../../../controller/core/records/run-reason.ts';
import { Rights } from '../../../shared/access/authorize.ts';
import type { Clients } from '../controller-world.ts';
import { inAccessWorld } from './access-world.ts';

const ABOUT_ACCESS = Object.keys(EVENT_SUBJECTS['Access'] ?? {});

interface Seen {
  readonly listed: ReadonlySet<string>;
  readonly watched: ReadonlySet<string>;
}

/** Types that are listed, and those that a watch from the beginning tells, up to the event that is the last one and open to all. */
async function seenBy({ events }: Clients): Promise<Seen> {
  const { events: all } = await events.listEvents({ pageSize: 1_000 });
  const watched = new Set<string>();
  for await (const { event } of events.watchEvents({ after: 1n, allowGap: true })) {
    if (event !== undefined) watched.add(event.type);
    if (event?.type === 'POLICY_PAUSED') break;
  }
  return { listed: new Set(all.map(({ type }) => type)), watched };
}

describe('events about access', () => {
  it('are all guarded, and so are those about join tokens', () => {
    const guarded = [...GUARDED_EVENTS].map(([type]) => type);
    expect(guarded).toEqual(expect.arrayContaining(ABOUT_ACCESS));
    expect(guarded).toEqual(
      expect.arrayContaining(Object.keys(EVENT_TYPES).filter((type) => /^JOIN_TOKEN/.test(type))),
    );
  });

  it('may be among those of a newer controller, whose types are not known here', () => {
    const unknown = { type: UNKNOWN_WORD, wall: 0 } as const;
    const auditor = { name: 'auditor', permissions: ['events.read', 'access.read'], runAs: [] } as const;
    const sees = (role: string): boolean => {
      const rights = new Rights({ kind: 'user', roles: [{ role }] }, () => auditor);
      return new Sight(emptyCluster('test'), rights, 'events.read').event(unknown);
    };
    expect(['viewer', 'operator', 'auditor', 'admin'].filter(sees)).toEqual(['admin']);
  });

  it(
    'are seen by those who may list what they are about, in lists and watches alike',
    inAccessWorld(async ({ admin, token, withToken }) => {
      const { access } = admin;
      await access.setRole({ role: { name: 'roles/auditor', permissions: ['events.read', 'access.read'] } });
      await access.setUser({ user: { name: 'users/ann', roles: [{ role: 'admin' }] } });
      await access.deleteUser({ name: 'users/ann' });
      const { name } = await token({ role: 'admin' });
      await access.revokeToken({ name });
      const secret = async (role: string, pools?: readonly string[]): Promise<Clients> =>
        withToken((await token({ role, ...(pools === undefined ? {} : { pools }) })).secret);
      const wanted = ['ROLE_SET', 'TOKEN_CREATED', 'TOKEN_REVOKED', 'USER_SET', 'USER_DELETED'];
      const cases = [
        [admin, wanted, []],
        [await secret('auditor'), wanted, []],
        [await secret('viewer'), [], wanted],
        [await secret('operator'), [], wanted],
        [await secret('auditor', ['edge']), [], wanted],
      ] as const;
      await admin.policies.pausePolicy({ name: 'policies/job-edge' });
      for (const [client, shown, hidden] of cases) {
        const { listed, watched } = await seenBy(client);
        for (const seen of [listed, watched]) {
          expect([...seen]).toEqual(expect.arrayContaining([...shown, 'RUN_RUNNING']));
          expect(hidden.filter((type) => seen.has(type))).toEqual([]);
        }
        // A filter is no way around it.
        for (const type of hidden) expect((await client.events.listEvents({ type })).events).toEqual([]);
      }
    }),
    30_000,
  );
});
