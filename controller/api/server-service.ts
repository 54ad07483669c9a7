/** Servers: reading them here, changing them in server-changes.ts. */
import type { ServiceImpl } from '@connectrpc/connect';
import { ServerSchema } from '../../shared/gen/locum/v1/server_pb.ts';
import { CapabilityHoldersSchema, type ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { serverId } from '../../shared/ids.ts';
import type { ApiContext } from './api-context.ts';
import { capabilityHolders, holderKey, serversByRank } from './capability-holders.ts';
import { labelFilter } from './label-filter.ts';
import { indexAfterText, pageOf } from './page.ts';
import { projectServer } from './projections/project-server.ts';
import { poolIdOf, serverIdOf } from './resource-id.ts';
import { serverEdits, serverVerbs } from './server-changes.ts';
import { sightOf } from './sight.ts';
import { watchResources } from './watch-resources.ts';

type Service = ServiceImpl<typeof ServerService>;

export const serverService = (api: ApiContext): Service => ({
  ...serverReads(api),
  ...serverEdits(api),
  ...serverVerbs(api),
});

function serverReads(
  api: ApiContext,
): Pick<Service, 'getServer' | 'listServers' | 'listCapabilities' | 'watchServers'> {
  return {
    async getServer({ name }, context) {
      const id = serverIdOf(name);
      return api.leaderTerm().read((state, now) => {
        const sight = sightOf(context, state);
        const server = sight.found(state.servers.get(id), name, (one) => sight.server(one));
        return { server: projectServer(state, server, now) };
      });
    },

    async listServers(request, context) {
      const pool = request.pool === '' ? undefined : poolIdOf(request.pool, 'pool');
      const isWanted = labelFilter(request.filter);
      return api.leaderTerm().read((state, now) => {
        const sight = sightOf(context, state);
        const wanted = serversByRank(state, pool).filter(
          ({ server }) => isWanted(server.labels) && sight.server(server),
        );
        const { shown, nextPageToken } = pageOf(wanted, request, {
          schema: ServerSchema,
          show: ({ server }) => projectServer(state, server, now),
          question: ['ListServers', request.pool, request.filter],
          cursorOf: ({ server, rank }) => `${server.pool}/${rank}/${server.id}`,
          indexAfter: (servers, cursor) => {
            const [poolOfCursor = '', rank = '', id = ''] = cursor.split('/');
            const own = servers.findIndex(({ server }) => server.id === id);
            if (own >= 0) return own + 1;
            // That server is gone; what came after it has moved up into its rank.
            const next = servers.findIndex(
              (one) => one.server.pool > poolOfCursor || (one.server.pool === poolOfCursor && one.rank >= Number(rank)),
            );
            return next < 0 ? servers.length : next;
          },
        });
        return { servers: shown, nextPageToken };
      });
    },

    async listCapabilities(request, context) {
      const pool = request.pool === '' ? undefined : poolIdOf(request.pool, 'pool');
      return api.leaderTerm().read((state) => {
        const { shown, nextPageToken } = pageOf(capabilityHolders(state, pool, sightOf(context, state)), request, {
          question: ['ListCapabilities', request.pool],
          cursorOf: holderKey,
          indexAfter: indexAfterText(holderKey),
          schema: CapabilityHoldersSchema,
          show: (holder) => holder,
        });
        return { capabilities: shown, nextPageToken };
      });
    },

    async *watchServers({ revision, filter }, context) {
      const isWanted = labelFilter(filter);
      const items = watchResources(api, revision, context.signal, {
        folder: 'servers',
        seesAll: (state) => sightOf(context, state).isWhole,
        list: (state) => serversByRank(state, undefined).map(({ server }) => server.id),
        project: (state, now, id) => {
          const server = state.servers.get(serverId(id));
          if (server === undefined || !isWanted(server.labels)) return undefined;
          return sightOf(context, state).server(server) ? projectServer(state, server, now) : undefined;
        },
      });
      for await (const { value, ...rest } of items) {
        yield value === undefined ? rest : { ...rest, change: { case: 'server' as const, value } };
      }
    },
  };
}
