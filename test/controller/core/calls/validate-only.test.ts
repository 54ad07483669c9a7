import { describe, expect, it } from 'vitest';
import type { Call } from '../../../../controller/core/cluster/event.ts';
import { bootMark } from '../../../../controller/core/records/boot-mark.ts';
import { present } from '../../../../shared/assert.ts';
import { policyId, poolId, runId, serverId } from '../../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import { ModelWorld } from '../world/model-world.ts';

const spec = (words: string) => specOf(wordsOf(`policy x ${words}`));

/** Two servers that live, one that is MISSING, and runs on all of them. */
function busyWorld(): ModelWorld {
  const world = new ModelWorld();
  world.elect();
  const dead = world.agent('dead');
  for (const agent of [dead, world.agent('web-1'), world.agent('web-2')]) {
    agent.hello();
    world.advanceTo(world.now.mono + SECOND);
  }
  world.call({ kind: 'create_pool', pool: poolId('spare'), timers: {}, defaultFailback: 'NEVER', defaultMaxSlots: 50 });
  for (const [id, words] of Object.entries({
    kept: 'disconnect=HOLD list=dead',
    steady: 'list=web-1,web-2',
    task: 'on_demand',
  })) {
    world.call({ kind: 'create_policy', policy: policyId(id), spec: spec(words) });
  }
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
    record_access: { kind: 'record_access', facts: [] },
  };
}

/** All that is written down. */
const recordsOf = ({ state }: ModelWorld) =>
  structuredClone([state.pools, state.servers, state.policies, state.runs].map((records) => [...records.values()]));

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
    const idle = ['uncordon_server', 'resume_policy', 'release_run', 'proceed_takeovers', 'record_access'];
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
