/** Answers the core's questions about cron patterns. The same few patterns are asked about again and again, so parsed ones are kept. */
import { nextTick, parseSchedule, type ScheduleResult } from '../../shared/cron.ts';
import type { ScheduleReader } from '../core/cluster/schedule-reader.ts';

/** Parsed patterns kept; when there are more, all are forgotten and parsed again as needed. */
const MAX_KEPT = 10_000;

export function createScheduleReader(): ScheduleReader {
  const kept = new Map<string, ScheduleResult>();
  return (spec, afterWall) => {
    const key = `${spec.timeZone}\n${spec.cron}`;
    let parsed = kept.get(key);
    if (parsed === undefined) {
      parsed = parseSchedule(spec);
      if (kept.size >= MAX_KEPT) kept.clear();
      kept.set(key, parsed);
    }
    if (parsed.kind === 'error') return { kind: 'invalid', field: parsed.field, description: parsed.description };
    const wall = nextTick(parsed.schedule, afterWall);
    return wall === undefined ? { kind: 'never' } : { kind: 'tick', wall };
  };
}
