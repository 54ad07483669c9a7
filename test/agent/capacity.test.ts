import { describe, expect, it } from 'vitest';
import { CapacityMeter, readLoad } from '../../agent/capacity.ts';

/** A host whose CPU and memory use the test sets; each call is one more interval of 100 ticks. */
function host(marks: { cpu: { high: number; low: number }; memory: { high: number; low: number } }) {
  let total = 0;
  let idle = 0;
  const meter = new CapacityMeter({ maxSlots: 7, ...marks }, { cpu: { idle, total }, memoryPercent: 0 });
  return (cpuPercent: number, memoryPercent: number) => {
    total += 100;
    idle += 100 - cpuPercent;
    return meter.next({ cpu: { idle, total }, memoryPercent });
  };
}

const OFF = { high: 0, low: 0 };

describe('capacity', () => {
  it('is said once at the beginning, and then when the load moved by 5 points or more', () => {
    const use = host({ cpu: OFF, memory: OFF });
    expect(use(10, 20)).toEqual({ maxSlots: 7, saturated: false, cpuPercent: 10, memoryPercent: 20 });
    expect(use(14, 24)).toBeUndefined();
    expect(use(15, 20)).toMatchObject({ cpuPercent: 15 });
    expect(use(15, 26)).toMatchObject({ memoryPercent: 26 });
  });

  it('is saturated from the high mark on, until below the low one', () => {
    const use = host({ cpu: { high: 90, low: 70 }, memory: OFF });
    expect(use(89, 0)?.saturated).toBe(false);
    expect(use(90, 0)?.saturated).toBe(true);
    expect(use(70, 0)?.saturated).toBe(true);
    expect(use(69, 0)?.saturated).toBe(false);
  });

  it('is saturated by either of CPU and memory', () => {
    const use = host({ cpu: { high: 90, low: 80 }, memory: { high: 95, low: 85 } });
    expect(use(95, 96)?.saturated).toBe(true);
    expect(use(10, 96)?.saturated).toBe(true);
    expect(use(10, 84)?.saturated).toBe(false);
  });

  it('is never saturated by a mark that is off', () => {
    const use = host({ cpu: OFF, memory: OFF });
    expect(use(100, 100)?.saturated).toBe(false);
  });

  it('reads this host: memory in percent, and CPU counters that do not go back', () => {
    const first = readLoad();
    const second = readLoad();
    expect(first.memoryPercent).toBeGreaterThan(0);
    expect(first.memoryPercent).toBeLessThan(100);
    expect(second.cpu.total).toBeGreaterThanOrEqual(first.cpu.total);
    expect(first.cpu.total).toBeGreaterThan(first.cpu.idle);
  });
});
