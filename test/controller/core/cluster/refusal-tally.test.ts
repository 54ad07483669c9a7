import { describe, expect, it } from 'vitest';
import { APART, RefusalTally, TELL_EACH_MS } from '../../../../controller/core/cluster/refusal-tally.ts';

describe('the tally of refusals', () => {
  it('tells of a kind at once, and then once in ten minutes with all that came', () => {
    const tally = new RefusalTally();
    expect(tally.add('a', 2, 0)).toEqual({ count: 2, areOthers: false });
    for (let at = 1; at < TELL_EACH_MS; at += 1_000) expect(tally.add('a', 1, at)).toBeUndefined();
    expect(tally.add('a', 1, TELL_EACH_MS)).toEqual({ count: 1 + TELL_EACH_MS / 1_000, areOthers: false });
  });

  it('tells of few kinds apart, whatever comes, and loses no count', () => {
    const tally = new RefusalTally();
    const hours = 3;
    let [told, count] = [0, 0];
    for (let at = 0; at < hours * 6 * TELL_EACH_MS; at += 1_000) {
      const toTell = tally.add(`kind ${at}`, 1, at);
      told += Number(toTell !== undefined);
      count += toTell?.count ?? 0;
    }
    expect(told).toBeLessThanOrEqual(hours * 6 * (APART + 1));
    // All but those of the last ten minutes.
    expect(count).toBeGreaterThan(((hours * 6 - 1) * TELL_EACH_MS) / 1_000 - APART);
  });

  it('has room again for kinds of its own once those before are old', () => {
    const tally = new RefusalTally();
    for (let kind = 0; kind < 2 * APART; kind += 1) tally.add(`kind ${kind}`, 1, 0);
    expect(tally.add('late', 1, TELL_EACH_MS - 1)).toBeUndefined();
    expect(tally.add('late', 1, TELL_EACH_MS)).toEqual({ count: 1, areOthers: false });
  });
});
