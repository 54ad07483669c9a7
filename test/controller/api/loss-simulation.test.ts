import { expect, it } from 'vitest';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { eventually, inWorld } from '../controller-world.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/sleep', '1000'] } } };

it(
  'the loss of servers is told for those that are named, and for each that has no spare, and changes nothing',
  inWorld(async (world) => {
    const { cluster, policies, servers, runs } = world.api;
    for (const id of ['a', 'b', 'c']) await world.liveAgent(id);
    await servers.updateServer({ server: { name: 'servers/a', maxSlots: 2 }, updateMask: { paths: ['max_slots'] } });
    await servers.updateServer({ server: { name: 'servers/b', maxSlots: 1 }, updateMask: { paths: ['max_slots'] } });
    await servers.updateServer({ server: { name: 'servers/c', maxSlots: 0 }, updateMask: { paths: ['max_slots'] } });
    for (const [name, priority] of [
      ['policies/one', 10],
      ['policies/two', 90],
    ] as const) {
      await policies.createPolicy({ policy: { name, workload, priority } });
    }
    const before = await eventually(async () => {
      const listed = await runs.listRuns({});
      return listed.runs.every(({ server }) => server === 'servers/a') ? listed.runs : undefined;
    });

    const [loss] = (await cluster.simulateFailure({ servers: ['servers/a'] })).losses;
    expect(loss?.takeovers.map(({ policy, toServer }) => [policy, toServer])).toEqual([['policies/two', 'servers/b']]);
    expect(loss?.waits.map(({ policy, reason }) => [policy, reason])).toEqual([['policies/one', 'NO_ROOM']]);
    const each = await cluster.simulateFailure({});
    expect(each.losses.map((one) => one.servers)).toEqual([['servers/a']]);
    expect((await runs.listRuns({})).runs.map(({ etag }) => etag)).toEqual(before.map(({ etag }) => etag));

    await servers.updateServer({ server: { name: 'servers/b', maxSlots: 2 }, updateMask: { paths: ['max_slots'] } });
    expect((await cluster.simulateFailure({})).losses).toEqual([]);
    const unknown = await cluster.simulateFailure({ servers: ['servers/none'] }).catch((error: unknown) => error);
    expect(fromConnectError(unknown)).toMatchObject({ reason: 'NOT_FOUND', resource: 'servers/none' });
  }),
);
