/** `locum server revoke | revoked`. */
import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import {
  EnrolmentService,
  ListRevocationsResponseSchema,
  RevokeServerResponseSchema,
} from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import type { Revocation } from '../../shared/gen/locum/v1/revocation_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { idOf, moment } from '../output/words.ts';

export interface RevokeOptions {
  readonly reason?: string;
  readonly yes?: boolean;
}

export async function revoke(globals: Globals, id: string, { reason = '', ...options }: RevokeOptions): Promise<void> {
  const server = nameIn('servers', id);
  await confirm(
    `Refuse the certificates of ${id}? What runs there ends with its leases, and it has to join anew.`,
    options,
  );
  await withTransport(globals, async (transport) => {
    const answer = await createClient(EnrolmentService, transport).revokeServer({ server, reason });
    await printAnswer(globals, RevokeServerResponseSchema, answer, {
      table: () => `${idOf(server)} is refused until it joins anew: locum token create --for server/${idOf(server)}`,
      names: () => [server],
    });
  });
}

const columns: readonly Column<Revocation>[] = [
  { head: 'SERVER', cell: ({ server }) => idOf(server) },
  { head: 'REFUSED FROM BEFORE', cell: ({ beforeTime }) => moment(beforeTime) },
  { head: 'BY', cell: ({ creator }) => creator },
  { head: 'REASON', cell: ({ reason, deleted }) => (deleted ? 'deleted' : reason) },
];

export async function revoked(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const client = createClient(EnrolmentService, transport);
    const pages = await readPages((pageToken) => client.listRevocations({ pageSize: PAGE_SIZE, pageToken }));
    const revocations = pages.flatMap((page) => page.revocations);
    await printAnswer(globals, ListRevocationsResponseSchema, create(ListRevocationsResponseSchema, { revocations }), {
      table: (look) =>
        revocations.length === 0 ? 'No certificates are revoked.' : new Table(columns, look).render(revocations),
      names: () => revocations.map(({ server }) => server),
    });
  });
}
