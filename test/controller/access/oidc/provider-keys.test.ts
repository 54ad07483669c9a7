/** When the keys of a provider are asked for, and who waits for them. Time and the provider are the test's own. */
import type { JSONWebKeySet } from 'jose';
import { describe, expect, it } from 'vitest';
import { ProviderKeys } from '../../../../controller/access/oidc/provider-keys.ts';
import { createLogger } from '../../../../shared/log.ts';
import { makeKey } from './local-issuer.ts';

const log = createLogger({ name: 'test', level: 'silent', format: 'json' });
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TOKEN = { payload: '', signature: '' };

interface Asked {
  readonly answer: (keys: JSONWebKeySet) => void;
  readonly fail: () => void;
}

async function worldOf() {
  const { publicJwk } = await makeKey('first');
  const asked: Asked[] = [];
  let nowMs = 0;
  const fetch = (): Promise<JSONWebKeySet> => {
    const { promise, resolve, reject } = Promise.withResolvers<JSONWebKeySet>();
    asked.push({ answer: resolve, fail: () => reject(new Error('it is away')) });
    return promise;
  };
  const keys = new ProviderKeys({
    issuer: 'https://a',
    fetch,
    ttlMs: 10 * MINUTE,
    nowMono: () => nowMs,
    log,
  });
  return {
    asked,
    keys,
    set: { keys: [publicJwk] },
    pass: (ms: number) => {
      nowMs += ms;
    },
    find: async (kid = 'first') => keys.find({ alg: 'ES256', kid }, TOKEN),
  };
}

/** All that can happen without the provider has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the keys of a provider', () => {
  it('are waited for, by all together, while there are none', async () => {
    const { asked, set, find } = await worldOf();
    const found = Promise.all([find(), find(), find()]);
    await settled();
    expect(asked).toHaveLength(1);
    asked[0]?.answer(set);
    expect(await found).toHaveLength(3);
  });

  it('that are older than their time do meanwhile; beyond a day they are waited for', async () => {
    const { asked, set, find, pass, keys } = await worldOf();
    const first = find();
    asked[0]?.answer(set);
    await first;
    pass(23 * HOUR);
    await find();
    expect(asked).toHaveLength(2);
    // It hangs: one question at a time, whoever comes.
    pass(30 * MINUTE);
    await find();
    keys.freshen();
    expect(asked).toHaveLength(2);
    pass(HOUR);
    let isFound = false;
    const late = find().then(() => {
      isFound = true;
    });
    await settled();
    expect(isFound).toBe(false);
    asked[1]?.fail();
    await expect(late).rejects.toMatchObject({ reason: 'PROVIDER_UNAVAILABLE' });
    const later = find();
    await settled();
    asked[2]?.answer(set);
    await later;
  });

  it('are asked for more and more seldom while the provider fails, behind the backs of those who use them', async () => {
    const { asked, set, find, pass } = await worldOf();
    const first = find();
    asked[0]?.answer(set);
    await first;
    pass(10 * MINUTE);
    const atMs: number[] = [];
    for (let ms = 0; ms <= 200_000; ms += 1_000) {
      const before = asked.length;
      await find();
      if (asked.length > before) {
        atMs.push(ms);
        asked.at(-1)?.fail();
        await settled();
      }
      pass(1_000);
    }
    expect(atMs).toEqual([0, 5_000, 15_000, 35_000, 75_000, 135_000, 195_000]);
  });

  it('are asked for at once when a token names one that is not known, also while the provider failed', async () => {
    const { asked, set, find, pass } = await worldOf();
    const first = find();
    asked[0]?.answer(set);
    await first;
    pass(10 * MINUTE);
    for (let i = 1; i <= 4; i += 1) {
      await find();
      asked[i]?.fail();
      await settled();
      pass(2 * MINUTE);
    }
    await find();
    asked[5]?.fail();
    await settled();
    pass(5_000);
    const { publicJwk } = await makeKey('second');
    const found = find('second');
    await settled();
    asked[6]?.answer({ keys: [publicJwk] });
    expect(await found).toBeDefined();
  });
});
