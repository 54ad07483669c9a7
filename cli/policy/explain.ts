/** `locum policy explain`. */
import { createClient } from '@connectrpc/connect';
import {
  type ExplainPlacementResponse,
  ExplainPlacementResponseSchema,
  type PlacementHold,
  PolicyService,
  type ServerVerdict,
} from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer, type View } from '../output/print.ts';
import { type Column, cell, Table } from '../output/table.ts';
import { idOf, omittedText } from '../output/words.ts';
import { because } from '../run/view.ts';

/** The server could take it, and something else keeps the run. */
const HELD = 'HELD';

const columns: readonly Column<ServerVerdict>[] = [
  { head: 'RANK', right: true, cell: ({ rank }) => (rank === 0 ? '' : rank) },
  { head: 'SERVER', cell: ({ server }) => idOf(server) },
  { head: 'VERDICT', cell: ({ reason, eligible }) => cell(reason, eligible && reason !== HELD ? 'good' : 'warn') },
  { head: 'BECAUSE', cell: ({ detail }) => detail },
];

/** What holds every start back comes first: the verdicts below say only where it would go. */
function explanationView(answer: ExplainPlacementResponse): View {
  const held = answer.hold === undefined ? [] : [holdLine(answer.hold)];
  return {
    table: (look) =>
      [...held, new Table(columns, look).render(answer.servers), ...omittedText(answer.omittedServers, 'server')].join(
        '\n',
      ),
    names: () => (answer.chosenServer === '' ? [] : [answer.chosenServer]),
  };
}

const holdLine = (hold: PlacementHold): string => `Nothing starts now, ${hold.reason}: ${because(hold)}`;

/** Exit code 2 when no server would get a run now. */
export async function explain(globals: Globals, id: string): Promise<void> {
  await withTransport(globals, async (transport) => {
    const name = nameIn('policies', id);
    const answer = await createClient(PolicyService, transport).explainPlacement({ name });
    await printAnswer(globals, ExplainPlacementResponseSchema, answer, explanationView(answer));
    const { chosenServer, hold } = answer;
    if (hold !== undefined) throw new CommandFailure(`no run of ${id} starts now (${hold.reason})`, EXIT.notPlaced);
    if (chosenServer === '') throw new CommandFailure(`no server could take a run of ${id} now`, EXIT.notPlaced);
  });
}
