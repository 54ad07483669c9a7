/** What an order change, a drain or a move would do, or has begun to do. */
import type { MovePlan, PlannedMove, PlannedStay } from '../../shared/gen/locum/v1/pool_pb.ts';
import { type Column, Table } from '../output/table.ts';
import { count, idOf } from '../output/words.ts';

const moveColumns: readonly Column<PlannedMove>[] = [
  { head: 'RUN', cell: ({ run }) => idOf(run) },
  { head: 'POLICY', cell: ({ policy }) => idOf(policy) },
  { head: 'FROM', cell: ({ fromServer }) => idOf(fromServer) },
  { head: 'TO', cell: ({ toServer }) => idOf(toServer) },
];

const stayColumns: readonly Column<PlannedStay>[] = [
  { head: 'RUN', cell: ({ run }) => idOf(run) },
  { head: 'POLICY', cell: ({ policy }) => idOf(policy) },
  { head: 'STAYS ON', cell: ({ server }) => idOf(server) },
  { head: 'BECAUSE', cell: ({ reason }) => reason },
];

/** Says so too when nothing moves. `dryRun`: it is only what would happen. */
export function planText(plan: MovePlan | undefined, { dryRun }: { readonly dryRun: boolean }): string {
  const { moves = [], stays = [] } = plan ?? {};
  const moving = count(moves.length, 'run');
  const head = dryRun
    ? `${moving} would move; nothing was changed.`
    : `${moving} ${moves.length === 1 ? 'moves' : 'move'}.`;
  return [
    head,
    ...(moves.length === 0 ? [] : ['', new Table(moveColumns, { wide: false }).render(moves)]),
    ...(stays.length === 0 ? [] : ['', new Table(stayColumns, { wide: false }).render(stays)]),
  ].join('\n');
}
