import { describe, expect, it } from 'vitest';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { type ControllerWorld, inWorld } from '../controller-world.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'] } } };
const onDemand = { kind: { case: 'onDemand' as const, value: {} } };

const create = (world: ControllerWorld, name: string) =>
  world.api.policies.createPolicy({ policy: { name, workload, trigger: onDemand } });

type Item = Awaited<ReturnType<ReturnType<typeof watch>['next']>>;

/** A watch that is read message by message and closed at the end of the test's own signal. */
function watch(world: ControllerWorld, revision: bigint, signal: AbortSignal) {
  return world.api.policies.watchPolicies({ revision }, { signal })[Symbol.asyncIterator]();
}

const shown = ({ value }: Item): string => {
  const change = value?.change;
  if (change?.case === 'policy') return change.value.name;
  if (change?.case === 'deleted') return `-${change.value}`;
  return value?.snapshotEnd ? 'end' : 'bookmark';
};

const errorOf = async (call: Promise<unknown>) => fromConnectError(await call.catch((error: unknown) => error));

describe('watches', () => {
  it(
    'begin with a snapshot, then show changes and deletions as they become durable',
    inWorld(async (world) => {
      const over = new AbortController();
      await create(world, 'policies/a');
      await create(world, 'policies/b');
      const policies = watch(world, 0n, over.signal);
      const next = async (): Promise<string> => shown(await policies.next());
      expect([await next(), await next(), await next()]).toEqual(['policies/a', 'policies/b', 'end']);
      await create(world, 'policies/c');
      expect(await next()).toBe('policies/c');
      await world.api.policies.deletePolicy({ name: 'policies/a' });
      expect(await next()).toBe('-policies/a');
      over.abort();
    }),
  );

  it(
    'resume after a revision without a snapshot, and miss nothing',
    inWorld(async (world) => {
      const over = new AbortController();
      const first = watch(world, 0n, over.signal);
      const end = await first.next();
      expect(shown(end)).toBe('end');
      await create(world, 'policies/a');
      const changed = await first.next();
      expect(changed.value?.revision).toBeGreaterThan(end.value?.revision);
      await create(world, 'policies/b');
      const resumed = watch(world, changed.value?.revision ?? 0n, over.signal);
      const names = [shown(await resumed.next()), shown(await resumed.next())];
      expect(names).toEqual(['policies/a', 'policies/b']);
      over.abort();
    }),
  );

  it(
    'after a revision that is not known any more are refused with OUT_OF_RANGE',
    inWorld(
      async (world) => {
        const over = new AbortController();
        const first = watch(world, 0n, over.signal);
        const { value } = await first.next();
        await world.stop();
        await world.start();
        const error = await errorOf(watch(world, value?.revision ?? 0n, over.signal).next());
        expect(error).toMatchObject({ reason: 'REVISION_TOO_OLD', code: 'OUT_OF_RANGE' });
        over.abort();
      },
      { store: 'sqlite' },
    ),
  );

  it(
    'of events begin after a number, or with what comes',
    inWorld(async (world) => {
      const over = new AbortController();
      const { signal } = over;
      await create(world, 'policies/a');
      const all = world.api.events.watchEvents({ after: 1n }, { signal })[Symbol.asyncIterator]();
      const fresh = world.api.events.watchEvents({}, { signal })[Symbol.asyncIterator]();
      const pending = fresh.next();
      const first = await all.next();
      expect(first.value?.event).toMatchObject({ name: 'events/2', type: 'POLICY_CREATED', policy: 'policies/a' });
      await create(world, 'policies/b');
      expect((await pending).value?.event).toMatchObject({ policy: 'policies/b' });
      expect((await all.next()).value?.event).toMatchObject({ policy: 'policies/b' });
      const future = world.api.events.watchEvents({ after: 999n }, { signal })[Symbol.asyncIterator]();
      expect(await errorOf(future.next())).toMatchObject({ reason: 'REVISION_TOO_OLD' });
      over.abort();
    }),
  );

  it(
    'end with NOT_LEADER when the controller stops, so that clients watch again',
    inWorld(async (world) => {
      const policies = watch(world, 0n, new AbortController().signal);
      await policies.next();
      const ended = errorOf(policies.next());
      await world.stop();
      expect(await ended).toMatchObject({ reason: 'NOT_LEADER', code: 'UNAVAILABLE' });
    }),
  );

  it(
    'cost nothing when nobody reads them: a client that falls behind the window is told so when it reads on',
    inWorld(async (world) => {
      const over = new AbortController();
      await create(world, 'policies/a');
      const slow = watch(world, 0n, over.signal);
      await slow.next();
      // Many times what the window of changes and the buffers of the connection hold.
      const labels = { filler: 'x'.repeat(256) };
      const env = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`V${i}`, 'x'.repeat(16_000)]));
      const big = { ...workload, env };
      for (let i = 0; i < 30; i += 1) {
        const some = Array.from({ length: 10 }, (_, k) =>
          world.api.policies.updatePolicy({
            policy: { name: 'policies/a', workload: big, trigger: onDemand, labels: { ...labels, i: `${i}-${k}` } },
          }),
        );
        await Promise.all(some);
      }
      // The window holds 10,000 changes: this client comes nowhere near its end, and gets the newest state.
      let last: Item | undefined;
      for (let i = 0; i < 1_000; i += 1) {
        const item = await slow.next();
        last = item;
        const change = item.value?.change;
        if (change?.case === 'policy' && change.value.labels['i']?.startsWith('29-')) break;
      }
      expect(last?.value?.change.case).toBe('policy');
      over.abort();
    }),
  );
});
