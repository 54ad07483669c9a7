/** `locum controllers`: who is there, and who leads. */
import { createClient } from '@connectrpc/connect';
import {
  ClusterService,
  type Controller,
  ControllerRole,
  ListControllersResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { fromTimestamp } from '../../shared/rpc/time-messages.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type CellValue, type Column, cell, Table } from '../output/table.ts';
import { age, idOf, roughSpan } from '../output/words.ts';

const columns: readonly Column<Controller>[] = [
  { head: 'CONTROLLER', cell: ({ name }) => idOf(name) },
  { head: 'ROLE', cell: ({ role }) => (role === ControllerRole.LEADER ? cell('leader', 'good') : 'follower') },
  { head: 'API', cell: ({ apiEndpoint }) => apiEndpoint },
  { head: 'AGENTS', cell: ({ agentEndpoint }) => agentEndpoint },
  { head: 'LAST SEEN', cell: ({ lastSeenTime }) => age(lastSeenTime) },
  { head: 'COPY', cell: copyOf },
  { head: 'VERSION', cell: ({ version }) => version, wide: true },
  { head: 'TERM', cell: ({ term }) => (term === 0n ? '' : term.toString()), wide: true },
];

/** Reports come every two seconds, and nothing is said of what such a rhythm makes. */
const CURRENT_MS = 5_000;

/** Empty of the leader, and of whom it has not heard. */
function copyOf({ copyAsOfTime, copyBehindRevisions }: Controller): CellValue {
  if (copyAsOfTime === undefined) return '';
  const ageMs = Date.now() - fromTimestamp(copyAsOfTime);
  if (ageMs < CURRENT_MS) return 'current';
  const lacks = copyBehindRevisions === 0n ? '' : `, lacks ${copyBehindRevisions} revisions`;
  return cell(`${roughSpan(ageMs)} old${lacks}`, 'warn');
}

export async function controllers(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ClusterService, transport).listControllers({});
    await printAnswer(globals, ListControllersResponseSchema, answer, {
      table: (look) => new Table(columns, look).render(answer.controllers),
      names: () => answer.controllers.map(({ name }) => name),
    });
  });
}
