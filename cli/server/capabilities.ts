/** `locum server capabilities`: the capability map. */
import { createClient } from '@connectrpc/connect';
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
    const answer = await createClient(ServerService, transport).listCapabilities({ pool });
    await printAnswer(globals, ListCapabilitiesResponseSchema, answer, {
      table: ({ wide }) => new Table(columns, { wide }).render(answer.capabilities),
      names: () => answer.capabilities.map(({ name, value }) => (value === '' ? name : `${name}=${value}`)),
    });
  });
}
