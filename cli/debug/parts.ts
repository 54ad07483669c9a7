/** What a bundle holds: each part is asked for by itself, and one that can't be had is no reason to be without the others. */
import { type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import { PAGE_SIZE, type Page, readPages } from '../../sdk/typescript/pages.ts';
import { jsonWithoutSecrets } from '../../shared/config/secrets.ts';
import { AccessService, WhoAmIResponseSchema } from '../../shared/gen/locum/v1/access_service_pb.ts';
import {
  ClusterService,
  GetStatusResponseSchema,
  ListControllersResponseSchema,
  SimulateFailureResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { EventService, ListEventsResponseSchema } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { ListPoliciesResponseSchema, PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { ListPoolsResponseSchema, PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { ListRunsResponseSchema, RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { ListServersResponseSchema, ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { printableJson } from '../../shared/printable.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';

export interface Part {
  readonly file: string;
  readonly read: () => Promise<string>;
}

/** Of each list. */
const MAX_ITEMS = 20_000;

/** Proto JSON without secrets, as `-o json` has it. */
export function shownJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  const json = toJson(schema, message, { alwaysEmitImplicit: true });
  return `${printableJson(JSON.stringify(jsonWithoutSecrets(schema, json), null, 2))}\n`;
}

/** `sinceWall`: of events. */
export function partsOf(transport: Transport, sinceWall: number): readonly Part[] {
  const [cluster, pools, servers] = [ClusterService, PoolService, ServerService] as const;
  const one = <Desc extends DescMessage>(name: string, schema: Desc, ask: () => Promise<MessageShape<Desc>>): Part => ({
    file: `${name}.json`,
    read: async () => shownJson(schema, await ask()),
  });
  const sinceTime = toTimestamp(sinceWall);
  const page = { pageSize: PAGE_SIZE };
  const ask = {
    cluster: createClient(cluster, transport),
    pools: createClient(pools, transport),
    servers: createClient(servers, transport),
    policies: createClient(PolicyService, transport),
    runs: createClient(RunService, transport),
    events: createClient(EventService, transport),
    access: createClient(AccessService, transport),
  };
  return [
    one('status', GetStatusResponseSchema, () => ask.cluster.getStatus({})),
    one('controllers', ListControllersResponseSchema, () => ask.cluster.listControllers({})),
    one('failure', SimulateFailureResponseSchema, () => ask.cluster.simulateFailure({})),
    one('whoami', WhoAmIResponseSchema, () => ask.access.whoAmI({})),
    list('pools', ListPoolsResponseSchema, (pageToken) => ask.pools.listPools({ ...page, pageToken })),
    list('servers', ListServersResponseSchema, (pageToken) => ask.servers.listServers({ ...page, pageToken })),
    list('policies', ListPoliciesResponseSchema, (pageToken) => ask.policies.listPolicies({ ...page, pageToken })),
    list('runs', ListRunsResponseSchema, (pageToken) => ask.runs.listRuns({ ...page, pageToken, includeEnded: true })),
    list('events', ListEventsResponseSchema, (pageToken) => ask.events.listEvents({ ...page, pageToken, sinceTime })),
  ];
}

/** One JSON document for each page, one below the other: no page is too large to be a text. */
function list<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  read: (pageToken: string) => Promise<MessageShape<Desc> & Page>,
): Part {
  const size = (): number => PAGE_SIZE;
  return {
    file: `${name}.json`,
    read: async () =>
      (await readPages(read, { items: MAX_ITEMS, size })).map((page) => shownJson(schema, page)).join(''),
  };
}
