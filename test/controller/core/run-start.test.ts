import { describe, expect, it } from 'vitest';
import type { Attempt, Run } from '../../../controller/core/records/state.ts';
import { firstStartOf } from '../../../controller/core/runs/attempt.ts';

const attempt = (startWall: number | undefined) => ({ state: { kind: 'RUNNING', pid: 1, startWall } }) as Attempt;
const run = (attempts: readonly Attempt[], firstStartWall?: number) => ({ attempts, firstStartWall }) as Run;

describe('the first start of a run', () => {
  it('is that of its first attempt whose process ran, also when that attempt is kept no longer', () => {
    expect(firstStartOf(run([]))).toBeUndefined();
    expect(firstStartOf(run([attempt(undefined)]))).toBeUndefined();
    expect(firstStartOf(run([attempt(undefined), attempt(500), attempt(900)]))).toBe(500);
    expect(firstStartOf(run([attempt(900)], 500))).toBe(500);
  });
});
