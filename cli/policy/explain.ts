/** `locum policy explain`. */
import { createClient } from '@connectrpc/connect';
import {
  ExplainPlacementResponseSchema,
  PolicyService,
  type ServerVerdict,
} from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, cell, Table } from '../output/table.ts';
import { idOf, omittedText } from '../output/words.ts';

const columns: readonly Column<ServerVerdict>[] = [
  { head: 'RANK', right: true, cell: ({ rank }) => (rank === 0 ? '' : rank) },
  { head: 'SERVER', cell: ({ server }) => idOf(server) },
  { head: 'VERDICT', cell: ({ reason, eligible }) => cell(reason, eligible ? 'good' : 'warn') },
  { head: 'BECAUSE', cell: ({ detail }) => detail },
];

/** Exit code 2 when no server could take a run now. */
export async function explain(globals: Globals, id: string): Promise<void> {
  await withTransport(globals, async (transport) => {
    const name = nameIn('policies', id);
    const answer = await createClient(PolicyService, transport).explainPlacement({ name });
    await printAnswer(globals, ExplainPlacementResponseSchema, answer, {
      table: ({ wide }) =>
        [new Table(columns, { wide }).render(answer.servers), ...omittedText(answer.omittedServers, 'server')].join(
          '\n',
        ),
      names: () => (answer.chosenServer === '' ? [] : [answer.chosenServer]),
    });
    if (answer.chosenServer === '') throw new CommandFailure(`no server could take a run of ${id} now`, EXIT.notPlaced);
  });
}
