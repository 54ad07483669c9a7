/** `locum token list`: newest first. */
import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import { EnrolmentService, ListJoinTokensResponseSchema } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { type JoinToken, JoinTokenStateSchema } from '../../shared/gen/locum/v1/join_token_pb.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { idOf, moment, stateCell } from '../output/words.ts';

const columns: readonly Column<JoinToken>[] = [
  { head: 'TOKEN', cell: ({ name }) => idOf(name) },
  { head: 'FOR', cell: ({ server, serverPattern }) => idOf(server) || serverPattern || 'new servers' },
  { head: 'POOL', cell: ({ pool }) => idOf(pool) || 'any' },
  { head: 'STATE', cell: ({ state }) => stateCell(JoinTokenStateSchema, state) },
  { head: 'USED BY', cell: ({ usedBy }) => idOf(usedBy) },
  { head: 'FROM', cell: ({ usedFrom }) => usedFrom },
  { head: 'UNTIL', cell: ({ expireTime }) => moment(expireTime) },
  { head: 'CREATED', wide: true, cell: ({ createTime }) => moment(createTime) },
  { head: 'BY', cell: ({ creator }) => creator },
];

export async function listTokens(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const client = createClient(EnrolmentService, transport);
    const pages = await readPages((pageToken) => client.listJoinTokens({ pageSize: PAGE_SIZE, pageToken }));
    const joinTokens = pages.flatMap((page) => page.joinTokens);
    await printAnswer(globals, ListJoinTokensResponseSchema, create(ListJoinTokensResponseSchema, { joinTokens }), {
      table: (look) => (joinTokens.length === 0 ? 'No join tokens.' : new Table(columns, look).render(joinTokens)),
      names: () => joinTokens.map(({ name }) => name),
    });
  });
}
