/** `locum pool list | show`. */
import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import {
  GetPoolResponseSchema,
  ListPoolsResponseSchema,
  PoolService,
  WatchPoolsResponseSchema,
} from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { watchTable } from '../output/watch.ts';
import { poolColumns, poolListView, poolView } from './view.ts';

export async function list(globals: Globals, options: { watch?: boolean }): Promise<void> {
  await withTransport(globals, async (transport) => {
    const client = createClient(PoolService, transport);
    if (options.watch === true) {
      return watchTable(globals, {
        schema: WatchPoolsResponseSchema,
        columns: poolColumns,
        open: (revision) => client.watchPools({ revision }),
        change: ({ change }) => change,
        wanted: () => true,
        before: (a, b) => a.name.localeCompare(b.name),
      });
    }
    const pages = await readPages((pageToken) => client.listPools({ pageSize: PAGE_SIZE, pageToken }));
    const pools = pages.flatMap((page) => page.pools);
    await printAnswer(
      globals,
      ListPoolsResponseSchema,
      create(ListPoolsResponseSchema, { pools }),
      poolListView(pools),
    );
  });
}

export async function show(globals: Globals, id: string): Promise<void> {
  const name = nameIn('pools', id);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(PoolService, transport).getPool({ name });
    await printAnswer(globals, GetPoolResponseSchema, answer, poolView(answer.pool));
  });
}
