/**
 * `node scripts/dial-table.ts`: the table of timer settings in docs/guarantees.md, computed from the controller's own rules. A test
 * keeps the page equal to it.
 */
import { checkTimers, takeoverWaitMs } from '../controller/core/records/timers.ts';
import { DEFAULT_TIMERS, type Timers } from '../shared/protocol/timers.ts';
import { MINUTE, SECOND } from '../shared/time.ts';

/**
 * From the moment a leader is there again until an agent has its Welcome, at worst: back-off and connecting take up to a second each
 * (agent/core/dial.ts); Hello, check of the term and Welcome are given half of one.
 */
const COME_BACK_MS = 2.5 * SECOND;

export interface Setting {
  readonly aim: string;
  readonly timers: Timers;
  /** G of the policy. Default: the pool's. */
  readonly stopTimeoutMs?: number;
  /** What it is for: an outage of at least this stops nothing. */
  readonly outageMs?: number;
  /** What it is for: a takeover after at most this. */
  readonly takeoverMs?: number;
}

export const SETTINGS: readonly Setting[] = [
  { aim: 'defaults', timers: DEFAULT_TIMERS, outageMs: 12 * SECOND, takeoverMs: 45 * SECOND },
  { aim: 'defaults, and a policy that needs 30 s to stop', timers: DEFAULT_TIMERS, stopTimeoutMs: 30 * SECOND },
  { aim: 'takeover within half a minute', timers: inSeconds(3, 10, 15, 5, 3, 30), takeoverMs: 30 * SECOND },
  {
    aim: 'takeover within 10 s, on one reliable controller: its restart stops things',
    timers: inSeconds(1, 3, 5, 1, 1, 9),
    takeoverMs: 10 * SECOND,
  },
  { aim: 'a minute without a controller', timers: inSeconds(5, 15, 70, 10, 5, 107), outageMs: MINUTE },
  { aim: 'ten minutes without a controller', timers: inSeconds(5, 15, 610, 10, 5, 782), outageMs: 10 * MINUTE },
];

/** h, suspect after, L, G, K, M. */
function inSeconds(...all: readonly [number, number, number, number, number, number]): Timers {
  const [heartbeat, suspectAfter, lease, stopTimeout, killGuard, missingAfter] = all;
  return {
    heartbeatMs: heartbeat * SECOND,
    suspectAfterMs: suspectAfter * SECOND,
    leaseMs: lease * SECOND,
    stopTimeoutMs: stopTimeout * SECOND,
    killGuardMs: killGuard * SECOND,
    missingAfterMs: missingAfter * SECOND,
  };
}

/** An outage of the controller or the store in which no lease ends: the last granted heartbeat may be 1.1·h old when it begins. */
export function outageToleratedMs({ leaseMs, heartbeatMs }: Timers): number {
  return leaseMs - (11 * heartbeatMs) / 10 - COME_BACK_MS;
}

/** When a STOP attempt on a silent host is started elsewhere, after its last granted heartbeat. */
export function takeoverMs({ timers, stopTimeoutMs = timers.stopTimeoutMs }: Setting): number {
  return takeoverWaitMs({ ...timers, stopTimeoutMs });
}

/** The lines of the table. @throws Error when one of the settings would be refused by a controller */
export function dialTable(): readonly string[] {
  return [
    '| what for | h | suspect after | L | G | K | M | L − h | outage that stops nothing | takeover after |',
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...SETTINGS.map((setting) => {
      const { aim, timers } = setting;
      const check = checkTimers(timers, { electionTtlMs: 5 * SECOND });
      if (check.kind === 'error') throw new Error(`${aim}: ${check.detail}`);
      const { heartbeatMs: h, suspectAfterMs: S, leaseMs: L, killGuardMs: K, missingAfterMs: M } = timers;
      const G = setting.stopTimeoutMs ?? timers.stopTimeoutMs;
      const times = [h, S, L, G, K, M, L - h, outageToleratedMs(timers), takeoverMs(setting)];
      return `| ${[aim, ...times.map((ms) => `${Number((ms / SECOND).toFixed(2))} s`)].join(' | ')} |`;
    }),
  ];
}

if (import.meta.main) for (const line of dialTable()) console.log(line);
