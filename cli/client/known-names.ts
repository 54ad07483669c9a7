/** Ids that exist, for suggestions and completion. */
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE } from '../../sdk/typescript/pages.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import type { Globals } from '../globals.ts';
import { withTransport } from './session.ts';

const MAX_NAMES = { pageSize: PAGE_SIZE } as const;

/** The first thousand ids of a collection (`servers`, `policies`, `pools`, `runs`); none for any other word. */
export async function knownNames(
  collection: string,
  globals: Pick<Globals, 'address' | 'timeout' | 'target'>,
): Promise<string[]> {
  return withTransport(globals, async (transport) => {
    const names = async (): Promise<readonly { readonly name: string }[]> => {
      switch (collection) {
        case 'servers':
          return (await createClient(ServerService, transport).listServers(MAX_NAMES)).servers;
        case 'policies':
          return (await createClient(PolicyService, transport).listPolicies(MAX_NAMES)).policies;
        case 'pools':
          return (await createClient(PoolService, transport).listPools(MAX_NAMES)).pools;
        case 'runs':
          return (await createClient(RunService, transport).listRuns(MAX_NAMES)).runs;
        default:
          return [];
      }
    };
    return (await names()).map(({ name }) => name.slice(name.indexOf('/') + 1));
  });
}
