/** What a follower does before it refuses somebody by its copy. The store and the copy are the test's own. */
import { describe, expect, it } from 'vitest';
import { CopyCatchUp } from '../../../controller/replication/copy-catch-up.ts';
import { StoreError } from '../../../controller/store/store.ts';
import { LocumError } from '../../../shared/errors.ts';
import { Watched } from '../../../shared/watched.ts';

function worldOf() {
  const store = { newest: 1, asked: 0, problem: undefined as StoreError | undefined };
  const at = new Watched(1);
  const gate = { open: Promise.resolve() };
  const newestChange = async (): Promise<number> => {
    store.asked += 1;
    const { newest, problem } = store;
    await gate.open;
    if (problem !== undefined) throw problem;
    return newest;
  };
  const reaches = async (revision: number, signal: AbortSignal): Promise<boolean> => {
    for await (const now of at.values(signal)) if (now >= revision) return true;
    return false;
  };
  return { store, at, gate, catchUp: new CopyCatchUp({ store: { newestChange }, copy: { reaches }, patienceMs: 100 }) };
}

const reasonOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return 'caught up';
  } catch (error) {
    return error instanceof LocumError ? error.reason : String(error);
  }
};

describe('a follower that would refuse somebody', () => {
  it('waits until its copy has what was committed when he came, and for nothing that came later', async () => {
    const { store, at, catchUp } = worldOf();
    store.newest = 5;
    let isThere = false;
    const caughtUp = catchUp.caughtUp().then(() => {
      isThere = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isThere).toBe(false);
    store.newest = 9;
    at.set(5);
    await caughtUp;
    expect(isThere).toBe(true);
  });

  it('looks anew for whoever comes while it looks: he may have been given something since', async () => {
    const { store, at, gate, catchUp } = worldOf();
    const { promise, resolve } = Promise.withResolvers<void>();
    gate.open = promise;
    const first = catchUp.caughtUp();
    await new Promise((done) => setImmediate(done));
    store.newest = 2;
    const second = catchUp.caughtUp();
    resolve();
    await first;
    expect(store.asked).toBe(1);
    at.set(2);
    await second;
    expect(store.asked).toBe(2);
  });

  it('asks the store once for all who come together, however many, and turns away more than it can keep', async () => {
    const { store, catchUp } = worldOf();
    const answers = await Promise.all(Array.from({ length: 3_000 }, () => reasonOf(catchUp.caughtUp())));
    expect(answers.filter((answer) => answer === 'caught up')).toHaveLength(1_000);
    expect(answers.filter((answer) => answer === 'OVERLOADED')).toHaveLength(2_000);
    expect(store.asked).toBe(1);
    // Room comes back.
    expect(await reasonOf(catchUp.caughtUp())).toBe('caught up');
  });

  it('says that it does not know, when the store does not answer or the copy gets nowhere', async () => {
    const { store, catchUp } = worldOf();
    store.newest = 2;
    expect(await reasonOf(catchUp.caughtUp())).toBe('STORE_UNAVAILABLE');
    store.problem = new StoreError('STORE_UNAVAILABLE', 'it is away');
    expect(await reasonOf(catchUp.caughtUp())).toBe('STORE_UNAVAILABLE');
    store.problem = undefined;
    store.newest = 1;
    expect(await reasonOf(catchUp.caughtUp())).toBe('caught up');
  });
});
