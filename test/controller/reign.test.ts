import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { policySpecFromProto } from '../../controller/codec/policy.ts';
import { Core } from '../../controller/core/core.ts';
import type { ToAgent } from '../../controller/core/effect.ts';
import type { Call, HelloFacts } from '../../controller/core/event.ts';
import { ControllerMetrics } from '../../controller/metrics.ts';
import { type CallDetails, Reign } from '../../controller/reign.ts';
import { createScheduleReader } from '../../controller/schedules.ts';
import { LocumError } from '../../shared/errors.ts';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { DEFAULT_POOL, policyId, serverId } from '../../shared/ids.ts';
import { FailingStore } from './loop/failing-store.ts';

const full = { kind: 'failed', reason: 'STORE_FULL', detail: 'disk full' } as const;

function createPolicy(id: string, requestId = ''): CallDetails {
  const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'] } } };
  const trigger = { kind: { case: 'onDemand' as const, value: {} } };
  const spec = policySpecFromProto(create(PolicySchema, { name: `policies/${id}`, workload, trigger }));
  const request: Call = { kind: 'create_policy', policy: policyId(id), spec };
  return { actor: 'operator', requestId, fingerprint: id, validateOnly: false, request };
}

const hello: HelloFacts = {
  server: serverId('web-1'),
  pool: DEFAULT_POOL,
  uid: undefined,
  instanceId: 'i',
  machineId: 'm',
  bootId: 'b',
  uptimeMs: 1,
  agentVersion: '1',
  capabilities: [],
  capacity: { maxSlots: undefined, saturated: false },
  inventory: [],
  highestTerm: 0,
  highestEpoch: 0,
  clusterId: '',
};

async function world() {
  const store = new FailingStore();
  const { term } = await store.campaign('test', new AbortController().signal);
  const { clusterId, incarnation } = await store.identity();
  const sent: ToAgent[] = [];
  const fatal: unknown[] = [];
  const stepDowns: string[] = [];
  const reign = new Reign({
    store,
    term,
    clusterId,
    revision: (await store.load()).revision,
    core: new Core({ version: 'test', verifyIntervalMs: 0, maxCommitsInFlight: 1, schedules: createScheduleReader() }),
    clock: () => ({ mono: Date.now(), wall: Date.now() }),
    agents: { send: (_, message) => void sent.push(message), close: () => undefined },
    metrics: new ControllerMetrics(),
    onRoom: () => undefined,
    onTrouble: () => undefined,
    onStepDown: (reason) => void stepDowns.push(reason),
    onFatal: (error) => void fatal.push(error),
  });
  reign.elect({ kind: 'elected', term, clusterId, incarnation, firstOfIncarnation: false, records: [] });
  await pass(1);
  return { store, reign, sent, fatal, stepDowns };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const reasonOf = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  return error instanceof LocumError ? error.reason : undefined;
};

beforeEach(() => {
  vi.useFakeTimers({
    now: 1_000_000,
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a full disk', () => {
  it('refuses new calls at once, answers stuck ones after 2 s, and applies them when there is space', async () => {
    const { store, reign, fatal } = await world();
    store.plan.push(...Array.from({ length: 5 }, () => full));
    const stuck = reasonOf(reign.call(createPolicy('a', 'r-1')));
    await pass(10);
    const refused = await reign.call(createPolicy('b')).catch((error: unknown) => error);
    expect(refused).toMatchObject({ reason: 'STORE_FULL', retryAfterMs: 1_000, metadata: {} });
    await pass(2_100);
    expect(await stuck).toBe('STORE_FULL');
    expect(await reasonOf(reign.read((state) => state.policies.size))).toBe('STORE_FULL');

    await pass(3_000);
    expect(reign.trouble).toBeUndefined();
    expect(await reign.read((state) => [...state.policies.keys()])).toEqual(['a']);
    const again = reign.call(createPolicy('a', 'r-1'));
    await pass(10);
    expect(await again).toMatchObject({ kind: 'policy', policy: { id: 'a' } });
    expect(fatal).toEqual([]);
  });

  it('does not keep heartbeats from being granted', async () => {
    const { store, reign, sent } = await world();
    reign.post({ kind: 'hello', conn: 1, hello });
    await pass(10);
    expect(sent.map(({ kind }) => kind)).toContain('welcome');
    store.plan.push(...Array.from({ length: 100 }, () => full));
    const stuck = reasonOf(reign.call(createPolicy('a')));
    await pass(10);
    const nothingNew = { capacity: undefined, capabilities: undefined };
    reign.post({ kind: 'heartbeat', conn: 1, sequence: 1, generation: 1, ...nothingNew });
    await pass(60);
    expect(sent.at(-1)).toEqual({ kind: 'grant', sequence: 1, generation: 1 });
    await pass(5_000);
    expect(await stuck).toBe('STORE_FULL');
  });

  it('lets calls be tried that change nothing', async () => {
    const { store, reign } = await world();
    store.plan.push(full, full);
    const stuck = reasonOf(reign.call(createPolicy('a')));
    await pass(10);
    const tried = reign.call({ ...createPolicy('b'), validateOnly: true });
    await pass(1_500);
    expect(await tried).toMatchObject({ kind: 'policy' });
    expect(await stuck).toBeUndefined();
  });
});

describe('a check that this term is the newest', () => {
  it('comes from the store, each time', async () => {
    const { store, reign, stepDowns } = await world();
    await expect(reign.confirmTerm()).resolves.toBeUndefined();
    store.verifications.push(new Error('no majority'));
    expect(await reasonOf(reign.confirmTerm())).toBe('STORE_UNAVAILABLE');
    await expect(reign.confirmTerm()).resolves.toBeUndefined();
    expect(stepDowns).toEqual([]);
  });

  it('that fails ends the reign: what this controller knows may be old', async () => {
    const { store, reign, stepDowns } = await world();
    store.verifications.push(false);
    expect(await reasonOf(reign.confirmTerm())).toBe('NOT_LEADER');
    expect(stepDowns).toHaveLength(1);
  });
});

describe('the end of a reign', () => {
  it('leaves nobody waiting: calls get OUTCOME_UNKNOWN, reads and watches the reason', async () => {
    const { store, reign } = await world();
    store.plan.push(full);
    const call = reasonOf(reign.call(createPolicy('a')));
    await pass(10);
    const read = reasonOf(reign.read(() => 1));
    reign.end(new LocumError('NOT_LEADER', 'over'));
    expect(await call).toBe('OUTCOME_UNKNOWN');
    expect(await read).toBe('NOT_LEADER');
    expect(await reasonOf(reign.read(() => 1))).toBe('NOT_LEADER');
  });

  it('comes when the store says that the term is over, before anything else leaves', async () => {
    const { store, reign, sent, stepDowns } = await world();
    await store.resign();
    reign.post({ kind: 'hello', conn: 1, hello });
    await pass(10);
    expect(stepDowns.length).toBe(1);
    expect(sent).toEqual([]);
  });
});
