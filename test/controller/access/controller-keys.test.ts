/** How long the keys of controllers are believed. Time and the store are the test's own. */
import { describe, expect, it } from 'vitest';
import { ControllerKeys } from '../../../controller/access/controller-keys.ts';
import type { ControllerSeen } from '../../../controller/replication/controllers.ts';
import { StoreError } from '../../../controller/store/store.ts';
import { LocumError } from '../../../shared/errors.ts';

const seen = (id: string, key: string): ControllerSeen => ({
  ...{ id, key, api: '', agent: '', version: '', authority: undefined, term: undefined, silentMs: 0 },
});

function worldOf() {
  const store = { there: [seen('c1', 'k1'), seen('c2', 'k2')], problem: undefined as StoreError | undefined, asked: 0 };
  let nowMs = 0;
  const list = async (): Promise<ControllerSeen[]> => {
    store.asked += 1;
    if (store.problem !== undefined) throw store.problem;
    return store.there;
  };
  const keys = new ControllerKeys({ controllers: () => ({ list }), nowMono: () => nowMs });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { store, keys, pass };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the key of a controller', () => {
  it('is not believed any more within half a minute after the controller is gone, or has another one', async () => {
    const { store, keys, pass } = worldOf();
    await keys.refresh();
    expect(keys.known('c2')).toBe('k2');
    store.there = [seen('c1', 'new')];
    // Nobody asked meanwhile.
    pass(30_000);
    expect(keys.known('c2')).toBeUndefined();
    expect(keys.known('c1')).toBeUndefined();
    await keys.refresh();
    expect([keys.known('c1'), keys.known('c2')]).toEqual(['new', undefined]);
  });

  it('is asked for again in good time, and nobody waits for that', async () => {
    const { store, keys, pass } = worldOf();
    await keys.refresh();
    store.there = [seen('c1', 'k1')];
    pass(9_999);
    expect(keys.known('c2')).toBe('k2');
    expect(store.asked).toBe(1);
    pass(1);
    expect(keys.known('c2')).toBe('k2');
    await settled();
    expect(store.asked).toBe(2);
    expect(keys.known('c2')).toBeUndefined();
  });

  it('is not believed for longer because the store does not answer', async () => {
    const { store, keys, pass } = worldOf();
    await keys.refresh();
    store.problem = new StoreError('STORE_UNAVAILABLE', 'it is away');
    pass(29_000);
    expect(keys.known('c2')).toBe('k2');
    await settled();
    pass(1_000);
    expect(keys.known('c2')).toBeUndefined();
    const why = await keys.refresh().catch((error: unknown) => error);
    expect(why instanceof LocumError && why.reason).toBe('STORE_UNAVAILABLE');
  });
});
