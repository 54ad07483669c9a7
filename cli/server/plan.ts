/** What an order change, a drain or a move would do, or has begun to do. */
import { count } from '../../shared/count.ts';
import type { MovePlan, PlannedMove, PlannedStay } from '../../shared/gen/locum/v1/pool_pb.ts';
import { type Column, Table } from '../output/table.ts';
import { idOf, omittedText } from '../output/words.ts';

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
  const { moves = [], stays = [], omittedMoves = 0, omittedStays = 0 } = plan ?? {};
  const some = count(moves.length + omittedMoves, 'run');
  const would = `${moves.length === 0 ? 'Nothing' : some} would move; nothing was changed.`;
  const does = moves.length === 0 ? 'Nothing that runs moves.' : `${some} ${moves.length === 1 ? 'moves' : 'move'}.`;
  const head = dryRun ? would : does;
  return [
    head,
    ...(moves.length === 0 ? [] : ['', new Table(moveColumns, { wide: false }).render(moves)]),
    ...omittedText(omittedMoves, 'move'),
    ...(stays.length === 0 ? [] : ['', new Table(stayColumns, { wide: false }).render(stays)]),
    ...omittedText(omittedStays, 'stay'),
  ].join('\n');
}
