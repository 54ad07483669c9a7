/** `locum server capabilities`: the capability map. */

import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import {
  type CapabilityHolders,
  ListCapabilitiesResponseSchema,
  ServerService,
} from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { idsOf } from '../output/words.ts';

const columns: readonly Column<CapabilityHolders>[] = [
  { head: 'CAPABILITY', cell: ({ name }) => name },
  { head: 'VALUE', cell: ({ value }) => value },
  { head: 'SERVERS', cell: ({ servers }) => idsOf(servers) },
];

export async function capabilities(globals: Globals, options: { pool?: string }): Promise<void> {
  const pool = options.pool === undefined ? '' : nameIn('pools', options.pool);
  await withTransport(globals, async (transport) => {
    const client = createClient(ServerService, transport);
    const pages = await readPages((pageToken) => client.listCapabilities({ pool, pageSize: PAGE_SIZE, pageToken }));
    const all = pages.flatMap((page) => page.capabilities);
    await printAnswer(
      globals,
      ListCapabilitiesResponseSchema,
      create(ListCapabilitiesResponseSchema, { capabilities: all }),
      {
        table: (look) => new Table(columns, look).render(all),
        names: () => all.map(({ name, value }) => (value === '' ? name : `${name}=${value}`)),
      },
    );
  });
}
