/** Capacity and load of the host: CPU from the kernel's counters, memory from what is available, saturation with two marks. */
import { readFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import type { Capacity } from '../shared/protocol/agent-message.ts';
import type { Marks } from './config.ts';

/** A load that changed by less is not worth a word. */
const STEP_PERCENT = 5;

/** Counters of all cores since boot, in any unit. */
export interface CpuTimes {
  readonly idle: number;
  readonly total: number;
}

export interface LoadReading {
  readonly cpu: CpuTimes;
  /** 0 to 100. */
  readonly memoryPercent: number;
}

export interface CapacityOptions {
  readonly maxSlots: number | undefined;
  readonly cpu: Marks;
  readonly memory: Marks;
}

/** Turns readings of the host into capacities, and says only what changed. */
export class CapacityMeter {
  readonly #options: CapacityOptions;
  #lastCpu: CpuTimes;
  #cpuSaturated = false;
  #memorySaturated = false;
  #said: Capacity | undefined;

  constructor(options: CapacityOptions, first: LoadReading) {
    this.#options = options;
    this.#lastCpu = first.cpu;
  }

  /** The capacity when it differs enough from the last one that was said; undefined otherwise. The first one always does. */
  next(reading: LoadReading): Capacity | undefined {
    const cpuPercent = busyPercent(this.#lastCpu, reading.cpu);
    this.#lastCpu = reading.cpu;
    this.#cpuSaturated = crossed(this.#cpuSaturated, cpuPercent, this.#options.cpu);
    this.#memorySaturated = crossed(this.#memorySaturated, reading.memoryPercent, this.#options.memory);
    const capacity: Capacity = {
      maxSlots: this.#options.maxSlots,
      saturated: this.#cpuSaturated || this.#memorySaturated,
      cpuPercent: Math.round(cpuPercent),
      memoryPercent: Math.round(reading.memoryPercent),
    };
    if (this.#said !== undefined && !differs(this.#said, capacity)) return undefined;
    this.#said = capacity;
    return capacity;
  }
}

/** Over the high mark until under the low one: a load that swings around one mark does not swing placements. */
function crossed(before: boolean, percent: number, { high, low }: Marks): boolean {
  if (high === 0) return false;
  return before ? percent >= low : percent >= high;
}

function differs(a: Capacity, b: Capacity): boolean {
  return (
    a.saturated !== b.saturated ||
    Math.abs(a.cpuPercent - b.cpuPercent) >= STEP_PERCENT ||
    Math.abs(a.memoryPercent - b.memoryPercent) >= STEP_PERCENT
  );
}

function busyPercent(from: CpuTimes, to: CpuTimes): number {
  const total = to.total - from.total;
  if (total <= 0) return 0;
  return Math.min(100, Math.max(0, 100 * (1 - (to.idle - from.idle) / total)));
}

export function readLoad(): LoadReading {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { cpu: { idle, total }, memoryPercent: 100 * (1 - availableBytes() / totalmem()) };
}

/** Memory that programs can get: caches count as free, which `os.freemem()` of older kernels does not say. */
function availableBytes(): number {
  try {
    const line = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    return line?.[1] === undefined ? freemem() : Number(line[1]) * 1024;
  } catch {
    return freemem();
  }
}
