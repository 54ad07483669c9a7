import { createClient, createRouterTransport, type Interceptor } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { type FenceContext, fenceService } from '../../../controller/api/fence-service.ts';
import { Core } from '../../../controller/core/core.ts';
import { createScheduleReader } from '../../../controller/engine/schedules.ts';
import { LocumError } from '../../../shared/errors.ts';
import { FenceService } from '../../../shared/gen/locum/v1/fence_service_pb.ts';
import { callerKey } from '../../../shared/rpc/caller.ts';
import { errorInterceptor } from '../../../shared/rpc/error-interceptor.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { anybodysCall } from '../../open-access.ts';

const byAnybody: Interceptor = (next) => (request) => {
  request.contextValues.set(callerKey, anybodysCall().get(callerKey));
  return next(request);
};

/** A question for a policy that does not exist, to a leader with the given troubles: the reason of the answer, and what it did before. */
async function ask(trouble: { readonly read?: LocumError; readonly confirm?: LocumError } = {}) {
  const { state } = new Core({
    ...{ version: 'test', verifyIntervalMs: 0, maxCommitsInFlight: 1, schedules: createScheduleReader() },
  });
  const did: string[] = [];
  const leaderTerm: ReturnType<FenceContext['leaderTerm']> = {
    read: async (look) => {
      const seen = look(state, { mono: 0, wall: 0 });
      await Promise.resolve();
      if (trouble.read !== undefined) throw trouble.read;
      did.push('what it saw is durable');
      return seen;
    },
    confirmTerm: async () => {
      did.push('asks the store who leads');
      if (trouble.confirm !== undefined) throw trouble.confirm;
    },
  };
  const transport = createRouterTransport(
    (router) => router.service(FenceService, fenceService({ leaderTerm: () => leaderTerm })),
    { router: { interceptors: [byAnybody, errorInterceptor(() => undefined)] } },
  );
  const asked = createClient(FenceService, transport).checkFence({ policy: 'policies/p', epoch: 1n });
  const error = fromConnectError(await asked.catch((caught: unknown) => caught));
  return { reason: error?.reason, code: error?.code, retryAfterMs: error?.retryAfterMs, did };
}

describe('an answer about an epoch', () => {
  it('leaves once what it says is durable, and the term was confirmed after that: also when it is "there is none"', async () => {
    expect(await ask()).toMatchObject({
      reason: 'NOT_FOUND',
      did: ['what it saw is durable', 'asks the store who leads'],
    });
  });

  it('is never given by a leader that was deposed', async () => {
    const confirm = new LocumError('NOT_LEADER', 'another controller leads', { retryAfterMs: 500 });
    expect(await ask({ confirm })).toMatchObject({ reason: 'NOT_LEADER', code: 'UNAVAILABLE', retryAfterMs: 500 });
  });

  it('is UNAVAILABLE while the store is full: what it would say is not known', async () => {
    const read = new LocumError('STORE_FULL', 'no space', { retryAfterMs: 1_000 });
    expect(await ask({ read })).toEqual({
      reason: 'STORE_UNAVAILABLE',
      code: 'UNAVAILABLE',
      retryAfterMs: 1_000,
      did: [],
    });
  });
});
