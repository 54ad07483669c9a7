/** `locum pki status`. */
import { createClient } from '@connectrpc/connect';
import type { AuthorityLaggard } from '../../shared/gen/locum/v1/authority_pb.ts';
import { EnrolmentService, GetAuthorityResponseSchema } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { authorityLines, lackText } from './words.ts';

const columns: readonly Column<AuthorityLaggard>[] = [
  { head: 'BEHIND', cell: ({ name }) => name },
  { head: 'WHY', cell: lackText },
];

export async function status(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(EnrolmentService, transport).getAuthority({});
    const { authority, behind, readyCount } = answer;
    await printAnswer(globals, GetAuthorityResponseSchema, answer, {
      table: (look) => {
        const lines = authority === undefined ? [] : authorityLines(authority);
        const isChanging = (authority?.roots.length ?? 0) > 1;
        if (isChanging)
          lines.push(behind.length === 0 ? `all ${readyCount} are ready for it` : `${readyCount} are ready for it`);
        if (behind.length > 0) lines.push(new Table(columns, look).render(behind));
        return lines.join('\n');
      },
      names: () => behind.map(({ name }) => name),
    });
  });
}
