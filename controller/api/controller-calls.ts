/** The controllers themselves: who is there, how far followers are, and handing over the lead. */
import type { ServiceImpl } from '@connectrpc/connect';
import { certificateFromProto } from '../../shared/codec/certificate.ts';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { LocumError } from '../../shared/errors.ts';
import { type ClusterService, ControllerRole } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { Now } from '../../shared/time.ts';
import { denied } from '../core/calls/permitted.ts';
import { systemClock } from '../engine/clock.ts';
import type { ControllerSeen } from '../replication/controllers.ts';
import type { FollowerCopy } from '../replication/follower-copies.ts';
import { StoreError } from '../store/store.ts';
import type { ApiContext } from './api-context.ts';

export const CONTROLLERS = 'controllers/';

type ControllerCalls = Pick<
  ServiceImpl<typeof ClusterService>,
  'listControllers' | 'reportCopy' | 'transferLeadership'
>;

export function controllerCalls(api: ApiContext): ControllerCalls {
  return {
    async listControllers() {
      const controllers = await answered(() => api.controllers.list());
      const followers = new Map(api.copies.followers.map((copy) => [copy.id, copy]));
      const now = systemClock();
      return { controllers: controllers.map((seen) => controllerToProto(seen, followers.get(seen.id), now)) };
    },

    reportCopy({ controller, revision, storeProblem, certificate }, { values }) {
      const id = controller.slice(CONTROLLERS.length);
      const { kind, name } = values.get(callerKey).principal;
      if (kind === 'controller' && name !== id) throw denied('cluster.report');
      api.copies.take({
        ...{ id, revision: fromUint64(revision, 'revision'), storeProblem },
        certificate: certificate === undefined ? undefined : certificateFromProto(certificate),
      });
      return {};
    },

    async transferLeadership({ controller, term }, { signal }) {
      // The term is what is given away: without one, somebody else is to be asked.
      api.leaderTerm();
      const to = controller === '' ? undefined : controller.slice(CONTROLLERS.length);
      const wanted = { to, term: term === 0n ? undefined : fromUint64(term, 'term'), signal };
      const next = await answered(() => api.controllers.transfer(wanted));
      return next === undefined ? {} : { controller: `${CONTROLLERS}${next.id}`, term: toUint64(next.term) };
    },
  };
}

function controllerToProto(
  { id, api, agent, version, term, silentMs }: ControllerSeen,
  copy: FollowerCopy | undefined,
  { mono, wall: nowWall }: Now,
) {
  return {
    name: `${CONTROLLERS}${id}`,
    role: term === undefined ? ControllerRole.FOLLOWER : ControllerRole.LEADER,
    apiEndpoint: api,
    agentEndpoint: agent,
    version,
    term: toUint64(term ?? 0),
    lastSeenTime: toTimestamp(nowWall - silentMs),
    copyAsOfTime: toTimestamp(copy?.heardMono === undefined ? undefined : nowWall - (mono - copy.asOfMono)),
    copyBehindRevisions: toUint64(copy?.behindRevisions ?? 0),
  };
}

/** These calls ask the store itself, and may learn that it does not answer. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const message = `the store does not answer: ${error.message}`;
    throw new LocumError('STORE_UNAVAILABLE', message, { retryAfterMs: 1_000, cause: error });
  }
}
