import { describe, expect, it } from 'vitest';
import type { Call, CallResult } from '../../../../controller/core/cluster/event.ts';
import { bootMark } from '../../../../controller/core/records/boot-mark.ts';
import { present } from '../../../../shared/assert.ts';
import { policyId, poolId, runId, serverId } from '../../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import { ModelWorld } from '../world/model-world.ts';

const spec = (words: string) => specOf(wordsOf(`policy x ${words}`));

const token = { holder: 'deploy', roles: [{ role: 'viewer' }], secretHash: '00', ttlMs: MINUTE } as const;
const role = { name: 'deployer', permissions: ['policies.write'], runAs: ['deploy'] } as const;
/** What there is to take away. */
const SOMEBODY = {
  role: { kind: 'set_role', role },
  token: { kind: 'create_token', token: { ...token, id: 'old' } },
  user: { kind: 'set_user', name: 'ann', roles: [{ role: 'viewer' }] },
} as const;

const ROOT = { hash: 'sha256:aa', certPem: 'old', expireWall: 1 };
const NEXT = { hash: 'sha256:bb', certPem: 'new', expireWall: 1 };

const ROTATION = { kind: 'rotate_authority', force: true, present: ROOT, endorsements: '', controllers: [] } as const;

/** Two servers that live, one that is MISSING, and runs on all of them. */
function busyWorld(answers: CallResult[] = []): ModelWorld {
  const world = new ModelWorld({ onEffect: (effect) => void (effect.kind === 'reply' && answers.push(effect.result)) });
  world.elect();
  const dead = world.agent('dead');
  for (const agent of [dead, world.agent('web-1'), world.agent('web-2')]) {
    agent.hello();
    world.advanceTo(world.now.mono + SECOND);
  }
  world.call({ kind: 'note_hook', hook: 'siren', position: 1 });
  world.call({ kind: 'create_pool', pool: poolId('spare'), timers: {}, defaultFailback: 'NEVER', defaultMaxSlots: 50 });
  world.call({
    kind: 'create_join_token',
    ...{
      id: 'given',
      secretHash: 'hash',
      server: undefined,
      serverPattern: 'new-*',
      pool: undefined,
      ttlMs: MINUTE * 60,
    },
  });
  for (const [id, words] of Object.entries({
    kept: 'disconnect=HOLD list=dead',
    steady: 'list=web-1,web-2',
    task: 'on_demand',
  })) {
    world.call({ kind: 'create_policy', policy: policyId(id), spec: spec(words) });
  }
  for (const request of Object.values(SOMEBODY)) world.call(request);
  world.call({ ...ROTATION, step: 'BEGIN', next: NEXT });
  world.advanceTo(world.now.mono + SECOND);
  world.cut.add(dead);
  dead.powerOff();
  world.advanceTo(world.now.mono + 2 * MINUTE);
  return world;
}

/** One of each kind, each of which would change something. */
function callsIn(world: ModelWorld): { readonly [K in Call['kind']]: Extract<Call, { kind: K }> } {
  const dead = present(world.state.servers.get(serverId('dead')), 'the dead server is known');
  const held = [...world.state.runs.values()].filter(({ policy }) => policy === 'kept');
  const epochs = held.flatMap(({ attempts }) => attempts.map(({ epoch }) => Number(epoch)));
  const steady = { policy: policyId('steady') };
  const [server, run, pool] = [serverId('web-1'), runId('steady-2'), poolId('default')];
  const servers = [serverId('web-2'), serverId('web-1'), serverId('dead')];
  return {
    create_pool: { kind: 'create_pool', pool: poolId('new'), timers: {}, defaultFailback: 'NEVER', defaultMaxSlots: 5 },
    update_pool: { kind: 'update_pool', pool, etag: '', timers: {}, defaultFailback: 'AUTO', defaultMaxSlots: 9 },
    delete_pool: { kind: 'delete_pool', pool: poolId('spare'), etag: '' },
    set_order: { kind: 'set_order', pool, servers, etag: '', apply: 'MOVE_NOW' },
    move_server: { kind: 'move_server', server, to: { kind: 'demote' }, etag: '', apply: 'MOVE_NOW' },
    update_server: { kind: 'update_server', server, etag: '', maxSlots: { value: 1 }, labels: { a: 'b' } },
    delete_server: { kind: 'delete_server', server: dead.id, etag: '' },
    cordon_server: { kind: 'cordon_server', server },
    uncordon_server: { kind: 'uncordon_server', server },
    drain_server: { kind: 'drain_server', server, deadlineMs: undefined, letFinish: false },
    confirm_server_dead: {
      kind: 'confirm_server_dead',
      ...{ server: dead.id, uid: dead.uid, boot: bootMark(dead), epochs, reason: 'burnt' },
    },
    create_policy: { kind: 'create_policy', policy: policyId('new'), spec: spec('continuous') },
    update_policy: { kind: 'update_policy', ...steady, etag: '', patch: { priority: 1 }, createAs: undefined },
    delete_policy: { kind: 'delete_policy', ...steady, etag: '' },
    start_policy: { kind: 'start_policy', policy: policyId('task'), arguments: [] },
    stop_policy: { kind: 'stop_policy', ...steady },
    restart_policy: { kind: 'restart_policy', ...steady },
    pause_policy: { kind: 'pause_policy', ...steady },
    resume_policy: { kind: 'resume_policy', ...steady },
    move_run: { kind: 'move_run', run, server: undefined },
    stop_run: { kind: 'stop_run', run },
    release_run: { kind: 'release_run', run, abandonAttempt: false, reason: '' },
    proceed_takeovers: { kind: 'proceed_takeovers', pool },
    set_role: { kind: 'set_role', role: { ...role, name: 'another' } },
    delete_role: { kind: 'delete_role', name: 'deployer' },
    create_token: { kind: 'create_token', token: { ...token, id: 'new' } },
    revoke_token: { kind: 'revoke_token', id: 'old' },
    note_token_use: { kind: 'note_token_use', id: 'old' },
    set_user: { kind: 'set_user', name: 'bob', roles: [{ role: 'deployer' }] },
    delete_user: { kind: 'delete_user', name: 'ann' },
    create_join_token: {
      kind: 'create_join_token',
      ...{ id: 'newnewnewn', secretHash: 'h', server: undefined, serverPattern: 'new-*', pool, ttlMs: 1_000 },
    },
    revoke_join_token: { kind: 'revoke_join_token', id: 'given' },
    join: {
      kind: 'join',
      token: 'given',
      secretHash: 'hash',
      server: serverId('new-1'),
      pool,
      keyHash: 'key',
      source: '',
    },
    revoke_server: { kind: 'revoke_server', server: serverId('a'), reason: '' },
    note_hook: { kind: 'note_hook', hook: 'pager', position: 1 },
    forget_hook: { kind: 'forget_hook', hook: 'siren' },
    rotate_authority: { ...ROTATION, step: 'SWITCH' },
    rewrap_authority: {
      kind: 'rewrap_authority',
      keys: [{ hash: 'sha256:bb', wrapped: { by: 'k2', data: new Uint8Array() } }],
      present: present(world.state.authority, 'a rotation was begun'),
    },
    record_access: { kind: 'record_access', facts: [] },
  };
}

/** All that is written down. */
const recordsOf = ({ state }: ModelWorld) =>
  structuredClone(
    [
      state.pools,
      state.servers,
      state.policies,
      state.runs,
      ...[state.access.roles, state.access.tokens, state.access.users, state.joinTokens, state.revocations],
      new Map([['authority', state.authority]]),
    ].map((records) => [...records.values()]),
  );

describe('a call that only validates', () => {
  it('changes nothing, whatever it asks for', () => {
    const world = busyWorld();
    const before = recordsOf(world);
    const events = world.state.meta.lastEvent;
    for (const request of Object.values(callsIn(world)))
      world.call(request, { validateOnly: true, requestId: request.kind });
    world.advanceTo(world.now.mono + 100);
    expect(recordsOf(world)).toEqual(before);
    expect(world.state.meta.lastEvent).toBe(events);
    expect(world.state.requests.get('stop_policy')).toBeUndefined();
  });

  it('changes something when it is no longer only tried', () => {
    const idle = [
      'uncordon_server',
      'resume_policy',
      'release_run',
      'proceed_takeovers',
      'record_access',
      'note_token_use',
      'note_hook',
    ];
    for (const request of Object.values(callsIn(busyWorld()))) {
      const world = busyWorld();
      const events = world.state.meta.lastEvent;
      world.call(request);
      world.advanceTo(world.now.mono + 100);
      expect(`${request.kind} ${world.state.meta.lastEvent > events}`).toBe(
        `${request.kind} ${!idle.includes(request.kind)}`,
      );
    }
  });
});

/** What one call is answered. */
function asked(world: ModelWorld, answers: CallResult[], ...call: Parameters<ModelWorld['call']>): CallResult {
  world.call(...call);
  world.advanceTo(world.now.mono + 100);
  return present(answers.at(-1), 'it was answered');
}

const planOf = (answer: CallResult): string => (answer.ok ? (answer.value.planEtag ?? '') : answer.error.reason);

describe('a call that is to do what was planned', () => {
  it('does it while that is so, of each kind', () => {
    const plans = new Set<string>();
    // No run waits for the end of a pause here.
    const requests = Object.values(callsIn(busyWorld())).filter(({ kind }) => kind !== 'release_run');
    for (const request of requests) {
      const answers: CallResult[] = [];
      const world = busyWorld(answers);
      const ifPlan = planOf(asked(world, answers, request, { validateOnly: true }));
      expect(ifPlan, request.kind).toMatch(/^[0-9a-f]{16}$/);
      // What only passes with time is no part of a plan.
      world.advanceTo(world.now.mono + 7 * SECOND);
      expect(planOf(asked(world, answers, request, { validateOnly: true, ifPlan })), request.kind).toBe(ifPlan);
      expect(asked(world, answers, request, { ifPlan }), request.kind).toMatchObject({ ok: true });
      plans.add(ifPlan);
    }
    expect(plans.size).toBe(requests.length);
  });

  it('does nothing when it would do something else now: other values, other runs, other places', () => {
    const spoilers: Partial<Record<Call['kind'], keyof ReturnType<typeof callsIn>>> = {
      update_policy: 'update_policy',
      delete_policy: 'move_run',
      stop_policy: 'move_run',
      pause_policy: 'pause_policy',
      set_order: 'move_server',
      move_server: 'set_order',
      drain_server: 'move_run',
      update_server: 'cordon_server',
      cordon_server: 'cordon_server',
      update_pool: 'update_pool',
      stop_run: 'move_run',
    };
    for (const [kind, spoiler] of Object.entries(spoilers)) {
      const answers: CallResult[] = [];
      const world = busyWorld(answers);
      const calls = callsIn(world);
      const request = present(
        Object.values(calls).find((one) => one.kind === kind),
        'there is one of each kind',
      );
      const ifPlan = planOf(asked(world, answers, request, { validateOnly: true }));
      asked(world, answers, calls[spoiler]);
      world.advanceTo(world.now.mono + 5 * SECOND);
      const before = recordsOf(world);
      expect(`${kind} ${planOf(asked(world, answers, request, { ifPlan, requestId: 'r' }))}`).toBe(
        `${kind} PLAN_CHANGED`,
      );
      expect(recordsOf(world)).toEqual(before);
    }
  });

  it('is answered again when it was carried out and its answer was lost', () => {
    const answers: CallResult[] = [];
    const world = busyWorld(answers);
    const request = callsIn(world).pause_policy;
    const ifPlan = planOf(asked(world, answers, request, { validateOnly: true }));
    for (const _ of [1, 2])
      expect(asked(world, answers, request, { ifPlan, requestId: 'r' })).toMatchObject({ ok: true });
  });

  it('refuses the plan of another call', () => {
    const answers: CallResult[] = [];
    const world = busyWorld(answers);
    const { pause_policy: pause, stop_policy: stop } = callsIn(world);
    const ifPlan = planOf(asked(world, answers, pause, { validateOnly: true }));
    expect(planOf(asked(world, answers, stop, { ifPlan }))).toBe('PLAN_CHANGED');
  });
});
