/** `locum run list`. */
import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import type { Run } from '../../shared/gen/locum/v1/run_pb.ts';
import {
  ListRunsResponseSchema,
  RunService,
  WatchRunsResponseSchema,
} from '../../shared/gen/locum/v1/run_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals, SelectorOption } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { watchTable } from '../output/watch.ts';
import { historyColumns, historyView, runColumns, runListView } from './view.ts';

export interface ListOptions extends SelectorOption {
  readonly policy?: string;
  readonly server?: string;
  readonly all?: boolean;
  readonly ended?: boolean;
  readonly watch?: boolean;
}

const createdMs = ({ createTime }: Run): number => (createTime === undefined ? 0 : timestampMs(createTime));

export async function list(globals: Globals, options: ListOptions): Promise<void> {
  if (options.all === true && options.ended === true) throw new CommandFailure('give --all or --ended, not both');
  const policy = options.policy === undefined ? '' : nameIn('policies', options.policy);
  const filter = [...(options.selector ?? [])];
  const server = options.server === undefined ? '' : nameIn('servers', options.server);
  await withTransport(globals, async (transport) => {
    const client = createClient(RunService, transport);
    if (options.watch === true) {
      // A run that ends while it is watched is shown once more, with its end.
      const seen = new Set<string>();
      return watchTable(globals, {
        schema: WatchRunsResponseSchema,
        columns: options.ended === true ? historyColumns : runColumns,
        open: (revision) => client.watchRuns({ revision, filter }),
        change: ({ change }) => change,
        wanted: (run) => {
          const asked = (policy === '' || run.policy === policy) && (server === '' || run.server === server);
          if (options.ended === true) return asked && run.endTime !== undefined;
          if (run.endTime === undefined) seen.add(run.name);
          return asked && (options.all === true || seen.has(run.name));
        },
        before: (a, b) => createdMs(b) - createdMs(a),
      });
    }
    const which = { includeEnded: options.all === true, onlyEnded: options.ended === true };
    const query = { pageSize: PAGE_SIZE, policy, server, ...which, filter };
    const pages = await readPages((pageToken) => client.listRuns({ ...query, pageToken }));
    const runs = pages.flatMap((page) => page.runs);
    const view = options.ended === true ? historyView(runs) : runListView(runs);
    await printAnswer(globals, ListRunsResponseSchema, create(ListRunsResponseSchema, { runs }), view);
  });
}
