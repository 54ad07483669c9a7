import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { answersInOrder } from '../../cli/client/in-order.ts';

/** Calls that are answered when the test says so. */
function calls() {
  const open = new Map<number, PromiseWithResolvers<string>>();
  return {
    asked: [] as number[],
    ask(item: number): Promise<string> {
      this.asked.push(item);
      const call = Promise.withResolvers<string>();
      open.set(item, call);
      return call.promise;
    },
    answer: (item: number): void => open.get(item)?.resolve(`answer ${item}`),
    refuse: (item: number): void => open.get(item)?.reject(new Error(`refused ${item}`)),
  };
}

const ITEMS = [1, 2, 3, 4, 5];

describe('many calls of one kind', () => {
  it('are under way a few at a time, and are answered in their order', async () => {
    const world = calls();
    const got: string[] = [];
    const all = (async () => {
      for await (const { item, answer } of answersInOrder(ITEMS, (one) => world.ask(one), 2))
        got.push(`${item}: ${answer}`);
    })();
    await turn();
    expect(world.asked).toEqual([1, 2]);
    world.answer(2);
    await turn();
    expect([world.asked, got]).toEqual([[1, 2], []]);
    world.answer(1);
    await turn();
    expect(got).toEqual(['1: answer 1', '2: answer 2']);
    expect(world.asked).toEqual([1, 2, 3, 4]);
    for (const item of [3, 4]) world.answer(item);
    await turn();
    world.answer(5);
    await all;
    expect(got).toHaveLength(5);
  });

  it('end with the first that fails: nothing more is asked, and what is under way is waited for', async () => {
    const world = calls();
    const got: number[] = [];
    let ended = false;
    const all = (async () => {
      for await (const { item } of answersInOrder(ITEMS, (one) => world.ask(one), 3)) got.push(item);
    })().finally(() => {
      ended = true;
    });
    const failure = all.then(
      () => 'none',
      (error: unknown) => String(error),
    );
    await turn();
    world.refuse(2);
    world.refuse(3);
    await turn();
    world.answer(1);
    expect(await failure).toBe('Error: refused 2');
    expect({ got, asked: world.asked, ended }).toEqual({ got: [1], asked: [1, 2, 3], ended: true });
  });

  it('of which there are none ask nothing', async () => {
    const world = calls();
    for await (const _ of answersInOrder([], (one: number) => world.ask(one))) throw new Error('there is none');
    expect(world.asked).toEqual([]);
  });
});
