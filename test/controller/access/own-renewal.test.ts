import { describe, expect, it } from 'vitest';
import { isOwnDue, lookEveryMs } from '../../../controller/access/own-renewal.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/time.ts';

const WALL = 1_700_000_000_000;
const life = { notBeforeWall: WALL, notAfterWall: WALL + DAY };

describe('the certificate of a controller itself', () => {
  it('is renewed at a third of its life', () => {
    expect(isOwnDue(life, { nowWall: WALL + 8 * HOUR - 1, takenAgoMs: 8 * HOUR - 1 })).toBe(false);
    expect(isOwnDue(life, { nowWall: WALL + 8 * HOUR, takenAgoMs: 8 * HOUR })).toBe(true);
  });

  it('is renewed in time although the clock was set back', () => {
    expect(isOwnDue(life, { nowWall: WALL + HOUR, takenAgoMs: 9 * HOUR })).toBe(true);
  });

  it('is renewed at once when the clock shows a time before it was made, or long after', () => {
    expect(isOwnDue(life, { nowWall: WALL - MINUTE, takenAgoMs: SECOND })).toBe(true);
    expect(isOwnDue(life, { nowWall: WALL + 400 * DAY, takenAgoMs: SECOND })).toBe(true);
  });

  it('is looked at often enough to be tried many times, however short it lives', () => {
    expect(lookEveryMs(DAY)).toBe(10 * SECOND);
    expect(lookEveryMs(30 * SECOND)).toBe(SECOND);
  });
});
