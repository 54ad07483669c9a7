import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { expect, it } from 'vitest';
import { present } from '../../../shared/assert.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { inWorld } from '../controller-world.ts';

it(
  'events are listed by their time, from the first on and up to before the last',
  inWorld(async (world) => {
    const { events, pools } = world.api;
    for (const id of ['a', 'b', 'c']) {
      await pools.createPool({ pool: { name: `pools/${id}` } });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const all = (await events.listEvents({ type: 'POOL_CREATED' })).events.toReversed();
    expect(all.map(({ pool }) => pool)).toEqual(['pools/a', 'pools/b', 'pools/c']);
    const [, second, third] = all.map(({ time }) => timestampMs(present(time, 'a time')));
    const between = { sinceTime: timestampFromMs(second ?? 0), untilTime: timestampFromMs(third ?? 0) };
    const listed = await events.listEvents({ type: 'POOL_CREATED', ...between });
    expect(listed.events.map(({ pool }) => pool)).toEqual(['pools/b']);
    const swapped = events.listEvents({ sinceTime: between.untilTime, untilTime: between.sinceTime });
    const refused = fromConnectError(await swapped.catch((error: unknown) => error));
    expect(refused?.fieldViolations[0]?.field).toBe('until_time');
  }),
);
