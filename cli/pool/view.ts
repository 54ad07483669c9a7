/** Pools as people see them. */
import { FailbackSchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import type { Pool } from '../../shared/gen/locum/v1/pool_pb.ts';
import type { View } from '../output/print.ts';
import { type Column, renderFacts, Table } from '../output/table.ts';
import { idOf, moment, span, word } from '../output/words.ts';

export const poolColumns: readonly Column<Pool>[] = [
  { head: 'POOL', cell: ({ name }) => idOf(name) },
  { head: 'HEARTBEAT', cell: ({ timers }) => span(timers?.heartbeatInterval) },
  { head: 'SUSPECT AFTER', cell: ({ timers }) => span(timers?.suspectAfter) },
  { head: 'LEASE', cell: ({ timers }) => span(timers?.lease) },
  { head: 'MISSING AFTER', cell: ({ timers }) => span(timers?.missingAfter) },
  { head: 'STOP', wide: true, cell: ({ timers }) => span(timers?.stopTimeout) },
  { head: 'KILL', wide: true, cell: ({ timers }) => span(timers?.killGuard) },
  { head: 'MAX SLOTS', right: true, cell: ({ defaultMaxSlots }) => defaultMaxSlots },
  { head: 'FAILBACK', cell: ({ defaultFailback }) => word(FailbackSchema, defaultFailback) },
];

export function poolListView(pools: readonly Pool[]): View {
  return {
    table: (look) => new Table(poolColumns, look).render(pools),
    names: () => pools.map(({ name }) => name),
  };
}

export function poolView(pool: Pool | undefined): View {
  const { timers } = pool ?? {};
  return {
    table: () =>
      pool === undefined
        ? ''
        : renderFacts([
            ['pool', idOf(pool.name)],
            ['heartbeat interval', span(timers?.heartbeatInterval)],
            ['suspect after', span(timers?.suspectAfter)],
            ['lease', span(timers?.lease)],
            ['stop timeout', span(timers?.stopTimeout)],
            ['kill guard', span(timers?.killGuard)],
            ['missing after', span(timers?.missingAfter)],
            ['default max slots', pool.defaultMaxSlots],
            ['default failback', word(FailbackSchema, pool.defaultFailback)],
            ['changed', moment(pool.updateTime)],
            ['etag', pool.etag],
          ]),
    names: () => (pool === undefined ? [] : [pool.name]),
  };
}
