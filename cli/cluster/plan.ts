/** `locum plan`: what the loss of servers would do. */
import { createClient } from '@connectrpc/connect';
import { count } from '../../shared/count.ts';
import {
  ClusterService,
  type Loss,
  type PlannedWait,
  type SimulateFailureResponse,
  SimulateFailureResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import type { PlannedMove } from '../../shared/gen/locum/v1/pool_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, cell, Table } from '../output/table.ts';
import { idOf, idsOf, omittedText } from '../output/words.ts';

const takeoverColumns: readonly Column<PlannedMove>[] = [
  { head: 'RUN', cell: ({ run }) => idOf(run) },
  { head: 'POLICY', cell: ({ policy }) => idOf(policy) },
  { head: 'FROM', cell: ({ fromServer }) => idOf(fromServer) },
  { head: 'GOES TO', cell: ({ toServer }) => idOf(toServer) },
];

const waitColumns: readonly Column<PlannedWait>[] = [
  { head: 'RUN', cell: ({ run }) => idOf(run) },
  { head: 'POLICY', cell: ({ policy }) => idOf(policy) },
  { head: 'FROM', cell: ({ fromServer }) => idOf(fromServer) },
  { head: 'WAITS', cell: ({ reason }) => cell(reason, 'bad') },
  { head: 'BECAUSE', cell: ({ message }) => message },
];

function lossText({ servers, takeovers, waits, omittedTakeovers, omittedWaits }: Loss): string {
  const moved = takeovers.length + omittedTakeovers;
  const held = waits.length + omittedWaits;
  const each = `${count(moved, 'run')} would go elsewhere, ${held === 0 ? 'none' : held} would wait`;
  const summary = moved + held === 0 ? 'nothing runs there' : each;
  return [
    `Without ${idsOf(servers)}: ${summary}.`,
    ...(waits.length === 0 ? [] : ['', new Table(waitColumns, { wide: false }).render(waits)]),
    ...omittedText(omittedWaits, 'wait'),
    ...(takeovers.length === 0 ? [] : ['', new Table(takeoverColumns, { wide: false }).render(takeovers)]),
    ...omittedText(omittedTakeovers, 'takeover'),
  ].join('\n');
}

/** One line for each server whose loss would leave runs without a place. */
export function spareText({ losses, omittedLosses }: SimulateFailureResponse): string {
  if (losses.length === 0) return 'Whichever single server is lost, each of its runs has another place now.';
  const lines = losses.map(({ servers, waits, omittedWaits }) => {
    const policies = [...new Set(waits.map(({ policy }) => idOf(policy)))];
    const named = `${policies.slice(0, 5).join(', ')}${policies.length > 5 ? ' …' : ''}`;
    return `Without ${idsOf(servers)}, ${count(waits.length + omittedWaits, 'run')} would wait: ${named}. More: locum plan --server-lost ${idsOf(servers)}`;
  });
  return [...lines, ...omittedText(omittedLosses, 'loss')].join('\n');
}

export async function plan(globals: Globals, servers: readonly string[]): Promise<void> {
  await withTransport(globals, async (transport) => {
    const names = servers.map((server) => nameIn('servers', server));
    const answer = await createClient(ClusterService, transport).simulateFailure({ servers: names });
    await printAnswer(globals, SimulateFailureResponseSchema, answer, {
      table: () => (servers.length === 0 ? spareText(answer) : answer.losses.map(lossText).join('\n\n')),
      names: () => [...new Set(answer.losses.flatMap(({ waits }) => waits.map(({ policy }) => policy)))],
    });
  });
}
