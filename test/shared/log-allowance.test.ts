import { describe, expect, it } from 'vitest';
import { LogAllowance } from '../../shared/log-allowance.ts';

const options = { lines: 2, windowMs: 100, subjects: 2 };

describe('lines about the same', () => {
  it('are said a few times in each window, and how many were not is said with the first of the next', () => {
    const allowance = new LogAllowance(options);
    const said = [0, 1, 2, 3, 99].map((now) => allowance.take('a', now));
    expect(said).toEqual([{ unsaid: 0 }, { unsaid: 0 }, undefined, undefined, undefined]);
    expect(allowance.take('a', 100)).toEqual({ unsaid: 3 });
    expect(allowance.take('a', 101)).toEqual({ unsaid: 0 });
  });

  it('do not use up those about others, and new names for the same do not make more of them', () => {
    const allowance = new LogAllowance(options);
    for (let i = 0; i < 5; i += 1) allowance.take('a', 0);
    expect(allowance.take('b', 0)).toEqual({ unsaid: 0 });
    const more = Array.from({ length: 100 }, (_, i) => allowance.take(`name-${i}`, 0));
    expect(more.filter((said) => said !== undefined)).toHaveLength(2);
  });
});
