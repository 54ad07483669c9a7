import { describe, expect, it } from 'vitest';
import { SharedCheck } from '../../../controller/engine/shared-check.ts';

/** Checks that answer when told, in the order in which they were begun. */
function checks() {
  const begun: PromiseWithResolvers<number>[] = [];
  const check = new SharedCheck(() => {
    const one = Promise.withResolvers<number>();
    begun.push(one);
    return one.promise;
  });
  return { begun, check };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a check that is shared', () => {
  it('is begun at once for the first who asks', async () => {
    const { begun, check } = checks();
    const answer = check.begunFromNow();
    begun[0]?.resolve(1);
    expect(await answer).toBe(1);
    void check.begunFromNow();
    expect(begun).toHaveLength(2);
  });

  it('is never one that was under way before somebody asked, and one for all who asked meanwhile', async () => {
    const { begun, check } = checks();
    const first = check.begunFromNow();
    const later = [check.begunFromNow(), check.begunFromNow(), check.begunFromNow()];
    expect(begun).toHaveLength(1);
    begun[0]?.resolve(1);
    await settled();
    expect(begun).toHaveLength(2);
    const last = check.begunFromNow();
    begun[1]?.resolve(2);
    await settled();
    begun[2]?.resolve(3);
    expect(await Promise.all([first, ...later, last])).toEqual([1, 2, 2, 2, 3]);
  });

  it('is the only one under way, also when somebody asks the moment it ends', async () => {
    let underWay = 0;
    let most = 0;
    const check = new SharedCheck(async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await settled();
      underWay -= 1;
    });
    const askedAgain = check.begunFromNow().then(() => check.begunFromNow());
    await Promise.all([check.begunFromNow(), askedAgain]);
    expect(most).toBe(1);
  });

  it('that fails, fails those who asked for it and nobody else', async () => {
    const { begun, check } = checks();
    const first = check.begunFromNow().catch(() => 'failed');
    const later = check.begunFromNow();
    begun[0]?.reject(new Error('away'));
    await settled();
    begun[1]?.resolve(2);
    expect(await Promise.all([first, later])).toEqual(['failed', 2]);
  });
});
