import { describe, expect, it } from 'vitest';
import { LocumError } from '../../../shared/errors.ts';
import { closed } from './fake-core.ts';
import { turn, useVirtualTime, loopWorld as world } from './loop-world.ts';

useVirtualTime();

describe('reads', () => {
  it('answer at once when everything is durable, else when it is', async () => {
    const { core, loop } = world();
    await expect(loop.read(() => 'now')).resolves.toBe('now');
    core.lastCommit = 2;
    let answered: string | undefined;
    const reading = loop
      .read(() => 'later')
      .then((answer) => {
        answered = answer;
      });
    loop.postOwn({ kind: 'committed', commit: 1 });
    await turn();
    expect(answered).toBeUndefined();
    loop.postOwn({ kind: 'committed', commit: 2 });
    await reading;
    expect(answered).toBe('later');
  });

  it('see the state of the moment, not of the answer', async () => {
    const { core, loop } = world();
    core.state.term = 1;
    core.lastCommit = 1;
    const reading = loop.read((state) => state.term);
    core.state.term = 2;
    loop.postOwn({ kind: 'committed', commit: 1 });
    await expect(reading).resolves.toBe(1);
  });

  it('are refused while the store takes no writes and there is something that is not durable', async () => {
    const { core, loop } = world();
    const trouble = new LocumError('STORE_FULL', 'full');
    core.lastCommit = 1;
    const waiting = loop.read(() => 1);
    loop.refuseReads(trouble);
    await expect(waiting).rejects.toBe(trouble);
    await expect(loop.read(() => 1)).rejects.toBe(trouble);
    core.durableCommit = 1;
    await expect(loop.read(() => 1)).resolves.toBe(1);
  });

  it('fail when the term ends', async () => {
    const { core, loop } = world();
    core.lastCommit = 1;
    const over = new LocumError('NOT_LEADER', 'over');
    const waiting = loop.read(() => 1);
    loop.end(over);
    await expect(waiting).rejects.toBe(over);
    await expect(loop.read(() => 1)).rejects.toBe(over);
    loop.post(closed(1));
    await turn();
    expect(core.turns).toEqual([]);
  });
});
