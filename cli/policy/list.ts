/** `locum policy list`. */
import { create } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import type { Policy } from '../../shared/gen/locum/v1/policy_pb.ts';
import {
  ListPoliciesResponseSchema,
  PolicyService,
  WatchPoliciesResponseSchema,
} from '../../shared/gen/locum/v1/policy_service_pb.ts';
import type { Run } from '../../shared/gen/locum/v1/run_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { type Globals, isForPeople, type SelectorOption } from '../globals.ts';
import { printAnswer, printLine } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { watchTable } from '../output/watch.ts';
import { idOf, idsOf } from '../output/words.ts';
import { manifestText } from './manifest.ts';
import { policyListView, triggerText } from './view.ts';

async function openRuns(transport: Transport, policy = ''): Promise<Run[]> {
  const client = createClient(RunService, transport);
  const pages = await readPages((pageToken) => client.listRuns({ pageSize: PAGE_SIZE, pageToken, policy }));
  return pages.flatMap((page) => page.runs);
}

/** A changed policy, without its runs: these have a watch of their own. */
const watchColumns: readonly Column<Policy>[] = [
  { head: 'POLICY', cell: ({ name }) => idOf(name) },
  { head: 'TRIGGER', cell: triggerText },
  { head: 'PAUSED', cell: ({ paused }) => (paused ? 'yes' : 'no') },
  { head: 'RUNS', cell: ({ runs }) => idsOf(runs) },
  { head: 'RECONCILING', cell: ({ reconciling }) => (reconciling ? 'yes' : 'no') },
];

export interface ListPoliciesOptions extends SelectorOption {
  readonly pool?: string;
  readonly watch?: boolean;
}

export async function list(globals: Globals, options: ListPoliciesOptions): Promise<void> {
  const filter = [...(options.selector ?? [])];
  const pool = options.pool === undefined ? '' : nameIn('pools', options.pool);
  await withTransport(globals, async (transport) => {
    const client = createClient(PolicyService, transport);
    if (options.watch === true) {
      return watchTable(globals, {
        schema: WatchPoliciesResponseSchema,
        columns: watchColumns,
        open: (revision) => client.watchPolicies({ revision, filter }),
        change: ({ change }) => change,
        wanted: (policy) => pool === '' || policy.pool === pool,
        before: (a, b) => a.name.localeCompare(b.name),
      });
    }
    const pages = await readPages((pageToken) => client.listPolicies({ pageSize: PAGE_SIZE, pageToken, pool, filter }));
    const policies = pages.flatMap((page) => page.policies);
    // A file, as `apply` takes it.
    if (globals.output === 'yaml' && policies.length > 0) {
      return printLine((await Promise.all(policies.map(manifestText))).join('---\n').trimEnd());
    }
    const people = isForPeople(globals);
    const runs = Map.groupBy(people ? await openRuns(transport) : [], (run) => run.policy);
    const status = people ? await createClient(ClusterService, transport).getStatus({}) : undefined;
    const troubles = new Map(status?.deviations.map((deviation) => [deviation.resource, deviation]));
    const rows = policies.map((policy) => ({
      name: policy.name,
      policy,
      runs: runs.get(policy.name) ?? [],
      trouble: troubles.get(policy.name),
    }));
    await printAnswer(
      globals,
      ListPoliciesResponseSchema,
      create(ListPoliciesResponseSchema, { policies }),
      policyListView(rows, options),
    );
  });
}
