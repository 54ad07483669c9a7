import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { StreamCount } from '../../../controller/api/api-context.ts';

async function* endless(): AsyncGenerator<number> {
  for (let i = 0; ; i += 1) yield i;
}

describe('a stream that its client reads as fast as it is written', () => {
  it('leaves turns to everybody else', async () => {
    let items = 0;
    const largest = { gap: 0, before: 0 };
    const reading = (async () => {
      for await (const item of new StreamCount().counted(endless())) {
        items = item + 1;
        if (items === 5_000) break;
      }
    })();
    while (items < 5_000) {
      await turn();
      largest.gap = Math.max(largest.gap, items - largest.before);
      largest.before = items;
    }
    await reading;
    expect(largest.gap).toBeLessThanOrEqual(50);
  });

  it('is counted for as long as it is read, and refused where too many are', async () => {
    const streams = new StreamCount(1);
    const first = streams.counted(endless());
    await first.next();
    await expect(streams.counted(endless()).next()).rejects.toMatchObject({ reason: 'OVERLOADED' });
    await first.return(undefined);
    expect((await streams.counted(endless()).next()).value).toBe(0);
  });
});
