/** Policies in a compact notation: `policy sync continuous list=web-2,web-1 needs="os = linux" G=30s disconnect=HOLD`. */
import type { Failback, PolicyHealthCheck, PolicySpec, Trigger } from '../../controller/core/records/state.ts';
import { parseByteSize } from '../../shared/byte-size.ts';
import { poolId, serverId } from '../../shared/ids.ts';
import { durationOf, listOf, oneOf, type Words } from './words.ts';

/** Defaults are those of the documentation. */
const DEFAULTS: PolicySpec = {
  pool: poolId('default'),
  workload: { kind: 'command', argv: ['work'], env: {}, workingDirectory: '', user: '' },
  trigger: { kind: 'continuous' },
  requirements: [],
  servers: [],
  listMode: 'ONLY',
  slots: 1,
  priority: 50,
  maxConcurrentRuns: 1,
  onDisconnect: 'STOP',
  stopTimeoutMs: undefined,
  timeLimitMs: undefined,
  healthCheck: undefined,
  restart: { attempts: 3, windowMs: 600_000, delayMs: 1_000, maxFailures: undefined },
  failback: undefined,
  onCapabilityLoss: 'MOVE',
  onRunMissing: 'NEXT',
  retention: { endedRuns: 20, events: undefined },
  labels: {},
};

/** What an agent makes of it is said by `health`. */
const CHECK: PolicyHealthCheck = {
  probe: { kind: 'tcp', host: '127.0.0.1', port: 80 },
  ...{ intervalMs: 10_000, timeoutMs: 5_000, graceMs: 30_000, failures: 3, missingAfterMs: undefined },
};

/** What the words say; absent fields are absent. */
export function patchOf({ plain, named }: Words): Partial<PolicySpec> {
  const patch: { -readonly [K in keyof PolicySpec]?: PolicySpec[K] } = {};
  for (const word of plain) if (word === 'continuous' || word === 'on_demand') patch.trigger = { kind: word };
  const cron = named.get('cron');
  if (cron !== undefined) patch.trigger = scheduleOf(cron, named.get('missed'), named.get('overlap'));
  for (const [key, value] of named) setField(patch, key, value);
  return patch;
}

export const specOf = (words: Words): PolicySpec => ({ ...DEFAULTS, ...patchOf(words) });

function scheduleOf(cron: string, missed = 'SKIP', overlap = 'SKIP'): Trigger {
  return {
    ...{ kind: 'schedule', cron, timeZone: '' },
    missed: oneOf(missed, ['SKIP', 'ONCE']),
    overlap: oneOf(overlap, ['SKIP', 'QUEUE', 'REPLACE']),
  };
}

function setField(patch: { -readonly [K in keyof PolicySpec]?: PolicySpec[K] }, key: string, value: string): void {
  switch (key) {
    case 'pool':
      patch.pool = poolId(value);
      return;
    case 'list':
      patch.servers = listOf(value).map(serverId);
      return;
    case 'mode':
      patch.listMode = oneOf(value, ['ONLY', 'PREFER']);
      return;
    case 'needs':
      patch.requirements = listOf(value, ';');
      return;
    case 'slots':
      patch.slots = Number(value);
      return;
    case 'priority':
      patch.priority = Number(value);
      return;
    case 'runs':
      patch.maxConcurrentRuns = Number(value);
      return;
    case 'disconnect':
      patch.onDisconnect = oneOf(value, ['STOP', 'HOLD', 'OVERLAP']);
      return;
    case 'G':
      patch.stopTimeoutMs = durationOf(value);
      return;
    case 'failback':
      patch.failback = oneOf<Failback>(value, ['NEVER', 'ON_NEXT_START', 'AUTO', 'MANUAL']);
      return;
    case 'loss':
      patch.onCapabilityLoss = oneOf(value, ['MOVE', 'IGNORE', 'STOP']);
      return;
    case 'missing':
      patch.onRunMissing = oneOf(value, ['NEXT', 'IN_PLACE']);
      return;
    case 'argv':
      patch.workload = { kind: 'command', argv: listOf(value), env: {}, workingDirectory: '', user: '' };
      return;
    case 'user':
      patch.workload = { kind: 'command', argv: ['work'], env: {}, workingDirectory: '', user: value };
      return;
    case 'memory':
      patch.workload = {
        ...{ kind: 'command', argv: ['work'], env: {}, workingDirectory: '', user: '' },
        resources: { memoryBytes: parseByteSize(value) },
      };
      return;
    case 'labels':
      patch.labels = Object.fromEntries(listOf(value).map((one) => one.split(':')));
      return;
    case 'max-failures':
      patch.restart = { ...DEFAULTS.restart, maxFailures: Number(value) };
      return;
    case 'limit':
      patch.timeLimitMs = durationOf(value);
      return;
    case 'unhealthy':
      patch.healthCheck =
        value === 'none'
          ? undefined
          : { ...CHECK, missingAfterMs: value === 'default' ? undefined : durationOf(value) };
      return;
    case 'cron':
    case 'missed':
    case 'overlap':
    case 'id':
    case 'as':
      return;
    default:
      throw new Error(`a policy has no ${key}`);
  }
}
