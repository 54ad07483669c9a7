/** `locum server list`. */
import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import {
  ListServersResponseSchema,
  ServerService,
  WatchServersResponseSchema,
} from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals, SelectorOption } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { watchTable } from '../output/watch.ts';
import { serverColumns, serverListView } from './view.ts';

export interface ListServersOptions extends SelectorOption {
  readonly pool?: string;
  readonly watch?: boolean;
}

export async function list(globals: Globals, options: ListServersOptions): Promise<void> {
  const filter = [...(options.selector ?? [])];
  const pool = options.pool === undefined ? '' : nameIn('pools', options.pool);
  await withTransport(globals, async (transport) => {
    const client = createClient(ServerService, transport);
    if (options.watch === true) {
      return watchTable(globals, {
        schema: WatchServersResponseSchema,
        columns: serverColumns,
        open: (revision) => client.watchServers({ revision, filter }),
        change: ({ change }) => change,
        wanted: (server) => pool === '' || server.pool === pool,
        before: (a, b) => a.pool.localeCompare(b.pool) || a.rank - b.rank,
      });
    }
    const pages = await readPages((pageToken) => client.listServers({ pageSize: PAGE_SIZE, pageToken, pool, filter }));
    const servers = pages.flatMap((page) => page.servers);
    await printAnswer(
      globals,
      ListServersResponseSchema,
      create(ListServersResponseSchema, { servers }),
      serverListView(servers),
    );
  });
}
