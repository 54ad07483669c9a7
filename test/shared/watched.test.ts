import { describe, expect, it } from 'vitest';
import { Watched } from '../../shared/watched.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function watch(watched: Watched<number>) {
  const stop = new AbortController();
  const seen: number[] = [];
  const over = (async () => {
    for await (const value of watched.values(stop.signal)) seen.push(value);
  })();
  return { seen, stop, over };
}

describe('a watched value', () => {
  it('is told as it is, then after each change, until the signal aborts', async () => {
    const watched = new Watched(1);
    const { seen, stop, over } = watch(watched);
    await turn();
    watched.set(2);
    await turn();
    watched.set(2);
    await turn();
    expect([seen, watched.value]).toEqual([[1, 2], 2]);
    stop.abort();
    await over;
    watched.set(3);
    await turn();
    expect(seen).toEqual([1, 2]);
  });

  it('is told in its newest form to whoever was busy, and to each watcher by itself', async () => {
    const watched = new Watched(1);
    const { seen, stop } = watch(watched);
    for (const value of [2, 3, 4]) watched.set(value);
    const late = watch(watched);
    await turn();
    expect([seen.at(-1), late.seen]).toEqual([4, [4]]);
    stop.abort();
    late.stop.abort();
    await late.over;
  });
});
