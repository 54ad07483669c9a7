/**
 * `locum keeper` without the parser of command lines: a keeper is on every host and must stay small. What it does not understand is left
 * to the parser, which has the words for it.
 */
export interface KeeperOptions {
  readonly stateDir: string;
  readonly stay?: boolean;
  readonly outputSegmentBytes?: number;
  readonly outputSegments?: number;
  readonly outputNewest?: number;
  readonly outputPolicyBytes?: number;
  readonly outputHostBytes?: number;
  readonly outputAgeMs?: number;
}

/** Flags that take a number, and what they set. */
const NUMBERS = {
  '--output-segment-bytes': 'outputSegmentBytes',
  '--output-segments': 'outputSegments',
  '--output-newest': 'outputNewest',
  '--output-policy-bytes': 'outputPolicyBytes',
  '--output-host-bytes': 'outputHostBytes',
  '--output-age-ms': 'outputAgeMs',
} as const;

const FLAGS: ReadonlySet<string> = new Set(['--state-dir', ...Object.keys(NUMBERS)]);

/** Undefined: not exactly what an agent or a service says. */
export function keeperOptions(words: readonly string[]): KeeperOptions | undefined {
  const found = new Map<string, string>();
  const stay = words.includes('--stay');
  const pairs = words.filter((word) => word !== '--stay');
  for (let i = 0; i < pairs.length; i += 2) {
    const [flag = '', value] = pairs.slice(i, i + 2);
    if (!FLAGS.has(flag) || value === undefined || found.has(flag)) return undefined;
    found.set(flag, value);
  }
  const stateDir = found.get('--state-dir');
  if (!stateDir) return undefined;
  const numbers: [string, number][] = [];
  for (const [flag, name] of Object.entries(NUMBERS)) {
    const text = found.get(flag);
    if (text === undefined) continue;
    if (!/^[1-9]\d{0,14}$/.test(text)) return undefined;
    numbers.push([name, Number(text)]);
  }
  return { stateDir, ...(stay && { stay }), ...Object.fromEntries(numbers) };
}

/** Answers with the exit code. */
export async function startKeeper(options: KeeperOptions): Promise<number> {
  // As an agent starts it: what it writes is its owner's alone from the first moment.
  process.umask(0o077);
  const { runKeeper } = await import('../keeper/main.ts');
  const { DEFAULT_OUTPUT_LIMITS } = await import('../keeper/output/output-log.ts');
  const { DEFAULT_OUTPUT_RETENTION } = await import('../keeper/core/output-retention.ts');
  const { locumVersion } = await import('./locum-version.ts');
  const output = {
    segmentBytes: options.outputSegmentBytes ?? DEFAULT_OUTPUT_LIMITS.segmentBytes,
    segments: options.outputSegments ?? DEFAULT_OUTPUT_LIMITS.segments,
  };
  const retention = {
    newest: options.outputNewest ?? DEFAULT_OUTPUT_RETENTION.newest,
    policyBytes: options.outputPolicyBytes ?? DEFAULT_OUTPUT_RETENTION.policyBytes,
    hostBytes: options.outputHostBytes ?? DEFAULT_OUTPUT_RETENTION.hostBytes,
    ageMs: options.outputAgeMs ?? DEFAULT_OUTPUT_RETENTION.ageMs,
  };
  const idle = options.stay === true ? { idleMs: Number.POSITIVE_INFINITY } : {};
  return runKeeper({ stateDir: options.stateDir, version: locumVersion(), output, retention, ...idle });
}
