/** Fencing: whether an epoch may still act. The one read that a term is confirmed for (semantics C1): nothing else may be stale, either. */
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { LocumError } from '../../shared/errors.ts';
import { type FenceService, FenceVerdict } from '../../shared/gen/locum/v1/fence_service_pb.ts';
import type { PolicyId } from '../../shared/ids.ts';
import { runName, serverName } from '../../shared/resource-name.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { doubtOf } from '../core/cluster/store-doubt.ts';
import { type Fence, judgeFence } from '../core/runs/fence.ts';
import type { LeaderTermView } from './api-context.ts';
import { found, policyIdOf, runIdOf } from './resource-id.ts';
import { sightOf } from './sight.ts';

const verdicts: Readonly<Record<Exclude<Fence['verdict'], 'NOT_SETTLED'>, FenceVerdict>> = {
  CURRENT: FenceVerdict.CURRENT,
  SUPERSEDED: FenceVerdict.SUPERSEDED,
  ENDED: FenceVerdict.ENDED,
  NO_SUCH_EPOCH: FenceVerdict.UNKNOWN,
};

/** What it asks of the controller. */
export interface FenceContext {
  /** The leader's term now. @throws LocumError NOT_LEADER */
  readonly leaderTerm: () => Pick<LeaderTermView, 'read' | 'confirmTerm'>;
}

export function fenceService(api: FenceContext): ServiceImpl<typeof FenceService> {
  return {
    async checkFence(request, context) {
      const policy = policyIdOf(request.policy, 'policy');
      const epoch = fromUint64(request.epoch, 'epoch');
      const run = request.run === '' ? undefined : runIdOf(request.run);
      const leaderTerm = api.leaderTerm();
      const { fence, term, behind } = await durable(
        leaderTerm.read((state, now) => ({
          fence: sees(state, context, policy) ? judgeFence(state, policy, epoch, run) : undefined,
          term: state.term,
          behind: doubtOf(state, now, state.policies.get(policy)?.spec)?.message,
        })),
      );
      // After the look, not before it: whoever leads now has led then, so nobody else can have decided anything in between.
      await leaderTerm.confirmTerm();
      if (behind !== undefined) throw notKnown(behind);
      const { verdict, message, newest } = found(fence, request.policy);
      if (verdict === 'NOT_SETTLED') throw notKnown(message);
      return {
        current: verdict === 'CURRENT',
        verdict: verdicts[verdict],
        message,
        run: newest === undefined ? '' : runName(newest.run),
        currentEpoch: toUint64(newest?.epoch ?? 0),
        server: newest === undefined ? '' : serverName(newest.server),
        term: toUint64(term),
      };
    },
  };
}

/** Whoever sees a part is not told whether what he does not see is there. @throws LocumError PERMISSION_DENIED */
function sees(state: ClusterState, context: HandlerContext, id: PolicyId): boolean {
  const [sight, policy] = [sightOf(context, state), state.policies.get(id)];
  if (policy === undefined && sight.isWhole) return false;
  sight.found(policy, id, (one) => sight.policy(one));
  return true;
}

const notKnown = (why: string): LocumError => new LocumError('FENCE_NOT_KNOWN', why, { retryAfterMs: 1_000 });

/** A store that is full is as good as one that does not answer, to somebody who changes nothing: what it would say is not known. */
async function durable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof LocumError) || error.reason !== 'STORE_FULL') throw error;
    throw new LocumError('STORE_UNAVAILABLE', error.message, { retryAfterMs: error.retryAfterMs, cause: error });
  }
}
