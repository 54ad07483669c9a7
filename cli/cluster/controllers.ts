/** `locum controllers`: who is there, and who leads. */
import { createClient } from '@connectrpc/connect';
import {
  ClusterService,
  type Controller,
  ControllerRole,
  ListControllersResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, cell, Table } from '../output/table.ts';
import { age, idOf } from '../output/words.ts';

const columns: readonly Column<Controller>[] = [
  { head: 'CONTROLLER', cell: ({ name }) => idOf(name) },
  { head: 'ROLE', cell: ({ role }) => (role === ControllerRole.LEADER ? cell('leader', 'good') : 'follower') },
  { head: 'API', cell: ({ apiEndpoint }) => apiEndpoint },
  { head: 'AGENTS', cell: ({ agentEndpoint }) => agentEndpoint },
  { head: 'LAST SEEN', cell: ({ lastSeenTime }) => age(lastSeenTime) },
  { head: 'VERSION', cell: ({ version }) => version, wide: true },
  { head: 'TERM', cell: ({ term }) => (term === 0n ? '' : term.toString()), wide: true },
];

export async function controllers(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ClusterService, transport).listControllers({});
    await printAnswer(globals, ListControllersResponseSchema, answer, {
      table: (look) => new Table(columns, look).render(answer.controllers),
      names: () => answer.controllers.map(({ name }) => name),
    });
  });
}
