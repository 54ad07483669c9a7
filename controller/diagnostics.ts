/** What a controller tells of itself to whoever looks for a fault. */
import { release } from 'node:os';
import type { ControllerMetrics } from './metrics.ts';

/** A value of the configuration, without secrets. */
export interface ShownSetting {
  /** As files have it: `audit.file`. */
  readonly field: string;
  /** JSON. */
  readonly value: string;
  /** A file with line and column, an environment variable, a flag, or `default`. */
  readonly source: string;
}

export interface Diagnostics {
  readonly controller: string;
  readonly version: string;
  readonly runtime: string;
  readonly platform: string;
  readonly startWall: number;
  readonly settings: readonly ShownSetting[];
  readonly metrics: string;
}

interface Told {
  readonly controller: string;
  readonly version: string;
  readonly settings: readonly ShownSetting[];
  readonly metrics: ControllerMetrics;
}

export async function diagnose({ metrics, ...told }: Told): Promise<Diagnostics> {
  const { versions, platform, arch } = process;
  return {
    ...told,
    runtime: `Node ${versions.node}`,
    platform: `${platform} ${release()} ${arch}`,
    startWall: performance.timeOrigin,
    metrics: await metrics.registry.metrics(),
  };
}
