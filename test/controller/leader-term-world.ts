/** A leader without sockets; on a store that fails as it is told, or on any other. */
import { create } from '@bufbuild/protobuf';
import { policySpecFromProto } from '../../controller/codec/policy.ts';
import type { Call } from '../../controller/core/cluster/event.ts';
import { Core } from '../../controller/core/core.ts';
import { systemAgenda } from '../../controller/engine/agenda.ts';
import { systemClock } from '../../controller/engine/clock.ts';
import { createScheduleReader } from '../../controller/engine/schedules.ts';
import { type CallDetails, LeaderTerm, type LeaderTermOptions } from '../../controller/leadership/leader-term.ts';
import { ControllerMetrics } from '../../controller/metrics.ts';
import type { Store } from '../../controller/store/store.ts';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { policyId } from '../../shared/ids.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import { FailingStore } from './engine/failing-store.ts';

export function createPolicy(id: string, requestId = '', argv = ['/bin/true']): CallDetails {
  const workload = { kind: { case: 'command' as const, value: { argv } } };
  const trigger = { kind: { case: 'onDemand' as const, value: {} } };
  const spec = policySpecFromProto(create(PolicySchema, { name: `policies/${id}`, workload, trigger }));
  const request: Call = { kind: 'create_policy', policy: policyId(id), spec };
  const origin = { method: 'locum.v1.PolicyService/CreatePolicy', source: '127.0.0.1' };
  return { actor: 'operator', origin, requestId, fingerprint: id, validateOnly: false, request };
}

/** A new core that leads on this store, on Node's own time. */
export async function electedLeaderTerm(
  store: Store,
  more: Pick<LeaderTermOptions, 'agents' | 'owner'> & Partial<LeaderTermOptions>,
): Promise<LeaderTerm> {
  const { term } = await store.campaign('test', new AbortController().signal);
  const { clusterId, incarnation } = await store.identity();
  const leaderTerm = new LeaderTerm({
    store,
    term,
    revision: (await store.load()).revision,
    core: new Core({ version: 'test', verifyIntervalMs: 0, maxCommitsInFlight: 1, schedules: createScheduleReader() }),
    clock: systemClock,
    agenda: systemAgenda,
    metrics: new ControllerMetrics(),
    recordsPerCommit: 1_000,
    ...more,
  });
  leaderTerm.elect({ kind: 'elected', term, clusterId, incarnation, firstOfIncarnation: false, records: [] });
  return leaderTerm;
}

export async function leaderTermWorld() {
  const store = new FailingStore();
  const sent: LeaderMessage[] = [];
  const fatal: unknown[] = [];
  const stepDowns: string[] = [];
  const leaderTerm = await electedLeaderTerm(store, {
    // Of fake timers, where a test has them.
    clock: () => ({ mono: Date.now(), wall: Date.now() }),
    agents: { send: (_, message) => void sent.push(message), close: () => undefined },
    owner: {
      room: () => undefined,
      trouble: () => undefined,
      stepDown: (reason) => void stepDowns.push(reason),
      fatal: (error) => void fatal.push(error),
    },
  });
  return { store, leaderTerm, sent, fatal, stepDowns };
}
