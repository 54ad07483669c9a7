import { describe, expect, it } from 'vitest';
import { labelFilter } from '../../../controller/api/label-filter.ts';
import { LocumError } from '../../../shared/errors.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { inWorld } from '../controller-world.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'] } } };
const trigger = { kind: { case: 'onDemand' as const, value: {} } };

describe('a filter', () => {
  it.each([
    [['team = a'], { team: 'a' }, true],
    [['team = a'], { team: 'b' }, false],
    [['team'], {}, false],
    [['!team'], {}, true],
    [['env in (test, stage)', 'team'], { env: 'stage', team: '' }, true],
    [['env in (test, stage)', 'team'], { env: 'stage' }, false],
    [['app.kubernetes.io/name = x'], { 'app.kubernetes.io/name': 'x' }, true],
    [[], { any: 'thing' }, true],
  ])('%j of %j: %s', (filter, labels: Readonly<Record<string, string>>, wanted) => {
    expect(labelFilter(filter)(labels)).toBe(wanted);
  });

  it('that can not be read is refused with its place', () => {
    const read = (): unknown => labelFilter(['team', '= x']);
    expect(read).toThrow(LocumError);
    expect(read).toThrow(/filter\[1\]: at character 1: expected a label name/);
  });
});

describe('lists and watches', () => {
  it(
    'have what a filter asks for, and tell of nothing else',
    inWorld(async (world) => {
      const { policies, servers, runs } = world.api;
      await world.liveAgent('web-1');
      await servers.updateServer({
        server: { name: 'servers/web-1', labels: { rack: 'r1' } },
        updateMask: { paths: ['labels'] },
      });
      for (const [name, team] of [
        ['policies/a1', 'a'],
        ['policies/a2', 'a'],
        ['policies/b1', 'b'],
      ] as const) {
        await policies.createPolicy({ policy: { name, workload, trigger, labels: { team } } });
        await policies.startPolicy({ name });
      }
      const filter = ['team = a'];
      expect((await policies.listPolicies({ filter })).policies.map(({ name }) => name)).toEqual([
        'policies/a1',
        'policies/a2',
      ]);
      const ran = await runs.listRuns({ filter, includeEnded: true });
      expect(ran.runs.map(({ policy }) => policy).sort()).toEqual(['policies/a1', 'policies/a2']);
      expect((await servers.listServers({ filter: ['rack = r1'] })).servers).toHaveLength(1);
      expect((await servers.listServers({ filter: ['rack != r1'] })).servers).toHaveLength(0);
      const first = await policies.listPolicies({ filter, pageSize: 1 });
      const other = policies.listPolicies({ filter: ['team = b'], pageToken: first.nextPageToken });
      expect(fromConnectError(await other.catch((error: unknown) => error))?.reason).toBe('PAGE_TOKEN_INVALID');

      const ended = new AbortController();
      const told: string[] = [];
      for await (const { change, snapshotEnd } of policies.watchPolicies({ filter }, { signal: ended.signal })) {
        told.push(
          snapshotEnd ? 'end' : typeof change.value === 'string' ? `no ${change.value}` : (change.value?.name ?? ''),
        );
        if (snapshotEnd) {
          // Not asked for; then one that comes in, one that goes out, and one that is deleted.
          await policies.deletePolicy({ name: 'policies/b1' });
          await policies.createPolicy({ policy: { name: 'policies/a0', workload, trigger, labels: { team: 'a' } } });
          await policies.updatePolicy({
            policy: { name: 'policies/a0', labels: { team: 'c' } },
            updateMask: { paths: ['labels'] },
          });
          await policies.deletePolicy({ name: 'policies/a2' });
        }
        if (told.includes('no policies/a2')) break;
      }
      ended.abort();
      expect(told.slice(0, 3)).toEqual(['policies/a1', 'policies/a2', 'end']);
      expect(told).toContain('no policies/a0');
      expect(told.filter((line) => line.includes('b1'))).toEqual([]);
    }),
  );
});
