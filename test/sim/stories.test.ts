/**
 * The holes that a review of the rules found, each kept closed by a story of its own: real cores, scripted faults, and every check of
 * the simulator at work. See docs/simulation.md.
 */

import { describe, expect, it } from 'vitest';
import { endOf } from '../../controller/core/records/attempt-state.ts';
import { bootMark } from '../../controller/core/records/boot-mark.ts';
import { DEFAULT_POOL, policyId } from '../../shared/ids.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { newStateDirectory } from './host.ts';
import { specOf } from './intentions.ts';
import { policy, Story } from './story.ts';

const P = policyId('p');

describe('a start', () => {
  it('that was refused and arrives a second time does not run then', () => {
    const story = new Story({ policies: [] });
    const { keeper, agent } = story.site('s1');
    const starts = story.noteStarts('s1');
    // No keeper can be started, so the agent refuses, and the run goes to the next server.
    keeper.die();
    keeper.start = () => {};
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p')) });
    story.pass(5 * SECOND);
    expect(story.run('p').attempts.map((attempt) => endOf(attempt)?.proof)).toEqual(['REFUSED', undefined]);
    Reflect.deleteProperty(keeper, 'start');
    story.pass(3 * SECOND);
    for (const start of starts()) agent.step(start);
    story.pass(5 * SECOND);
    expect(story.living('p')).toEqual(['s2@2']);
    expect(story.end()).toEqual([]);
  });

  it('that was under way when its agent said Hello anew does not run when it arrives', () => {
    const story = new Story({ policies: [] });
    const { world } = story;
    // A young session: the next one has a heartbeat of the same number.
    story.breakStreams('s1');
    story.pass(2 * SECOND);
    for (const link of story.links('s1')) world.network.slow(link, 'down', 8 * SECOND);
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p')) });
    story.pass(SECOND);
    for (const link of story.links('s1')) world.network.slow(link, 'down', 0);
    story.breakStreams('s1');
    story.pass(MINUTE);
    expect(story.run('p').attempts[0]).toMatchObject({ state: { end: { proof: 'INVENTORY' } } });
    expect(story.living('p')).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });

  it('of one run does not keep an earlier one of another run of the policy from being obeyed after it', () => {
    const story = new Story({ policies: [] });
    story.world.ledger.mostRuns.set(P, 2);
    const swapped = story.swapStarts('s1');
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p', { maxConcurrentRuns: 2 })) });
    story.pass(2 * SECOND);
    expect(swapped()).toEqual([2, 1]);
    expect([...story.living('p')].sort()).toEqual(['s1@1', 's1@2']);
    expect(story.end()).toEqual([]);
  });

  it('that an older inventory does not list lives on', () => {
    const story = new Story({ policies: [policy('p')] });
    // Made when the agent held generation 1, before the start; it comes now.
    story.say('s1', { kind: 'full_state', generation: 1, attempts: [], lastPart: true });
    story.pass(20 * SECOND);
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.run('p').attempts).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });
});

describe('a Hello', () => {
  it('that comes when its agent has taken another session proves nothing by what it leaves out', () => {
    const story = new Story({ policies: [], change: { controllers: 1 } });
    const { world } = story;
    // The stream breaks; the next connection hangs, so that the agent gives it up and takes a third one.
    Object.assign(world.network.stall, { share: 1, longestMs: 12 * SECOND, shortestMs: 12 * SECOND });
    story.breakStreams('s1');
    story.pass(SECOND);
    world.network.stall.share = 0;
    story.pass(6 * SECOND);
    // Its end does not overtake the Hello.
    for (const stream of world.network.streams) if (stream.host === 's1') stream.up.severed = false;
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p')) });
    story.pass(2 * SECOND);
    expect(story.living('p')).toEqual(['s1@1']);
    story.pass(20 * SECOND);
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.run('p').attempts).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });
});

describe('while a server is cut off', () => {
  it('edits of G, L and on_disconnect do not touch the terms of what runs there', () => {
    const story = new Story({
      policies: [
        policy('p', {
          stopTimeoutMs: 30 * SECOND,
          behaviour: { deafShare: 1, termMs: 0, meanLifeMs: Number.POSITIVE_INFINITY, failShare: 0 },
        }),
      ],
    });
    story.cut('s1');
    story.call({
      kind: 'update_policy',
      policy: P,
      etag: '',
      patch: { stopTimeoutMs: 1_000, onDisconnect: 'OVERLAP' },
      createAs: undefined,
    });
    story.call({
      kind: 'update_pool',
      pool: DEFAULT_POOL,
      etag: '',
      timers: { leaseMs: 18_000, stopTimeoutMs: 1_000, missingAfterMs: 36_000 },
      defaultFailback: undefined,
      defaultMaxSlots: undefined,
    });
    // W of the frozen terms is 1.25 · (20 + 30 + 5) s; the edited ones would allow 36 s.
    story.pass(60 * SECOND);
    expect(story.living('p').filter((tree) => !tree.startsWith('s1'))).toEqual([]);
    story.pass(20 * SECOND);
    expect(story.living('p')).toEqual(['s2@2']);
    expect(story.end()).toEqual([]);
  });

  it('a policy that is stopped, deleted and created anew does not run beside its old self', () => {
    const story = new Story({ policies: [policy('p')] });
    story.cut('s1');
    story.call({ kind: 'stop_policy', policy: P });
    story.call({ kind: 'delete_policy', policy: P, etag: '' });
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p')) });
    story.pass(30 * SECOND);
    // Its name is reserved until the old attempt is proven ended.
    expect(story.state.policies.get(P)?.deleting).toBe(true);
    story.pass(40 * SECOND);
    expect(story.state.policies.has(P)).toBe(false);
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p')) });
    story.pass(10 * SECOND);
    expect(story.living('p')).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });

  it('a HOLD run stays where it is, and an operator who is late with his word changes nothing', () => {
    const story = new Story({ policies: [policy('p', { onDisconnect: 'HOLD' })] });
    story.cut('s1');
    story.pass(2 * MINUTE);
    const { uid } = story.server('s1');
    const boot = bootMark(story.server('s1'));
    expect(story.living('p')).toEqual(['s1@1']);
    story.mend('s1');
    story.pass(10 * SECOND);
    story.call({
      kind: 'confirm_server_dead',
      server: story.server('s1').id,
      uid,
      boot,
      epochs: [1],
      reason: 'it was silent',
    });
    story.pass(10 * SECOND);
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.end()).toEqual([]);
  });
});

describe('a second machine under the same name', () => {
  const kinds = [
    ['made from a copy of the disk', true],
    ['set up anew', false],
  ] as const;

  it.each(kinds)('%s is turned away while the first one may live', (_, copied) => {
    const story = new Story({ policies: [policy('p')] });
    story.clone('s1', { copied });
    story.pass(30 * SECOND);
    expect(story.living('p')).toEqual(['s1@1']);
    expect([...story.state.events].map(({ type }) => type)).toContain('DUPLICATE_IDENTITY');
    expect(story.world.verdict.found).toEqual([]);
  });

  it.each(kinds)('%s proves nothing about what runs on the first one when it takes its place', (_, copied) => {
    const hold = policy('q', { onDisconnect: 'HOLD' });
    const story = new Story({ policies: [policy('p'), hold] });
    story.cut('s1');
    story.clone('s1', { copied });
    // The HOLD run has no proof but an operator's word; the STOP run waits for W.
    story.pass(38 * SECOND);
    expect(story.living('p').filter((tree) => !tree.startsWith('s1@'))).toEqual([]);
    story.pass(2 * MINUTE);
    expect(story.living('p')).toHaveLength(1);
    expect(story.living('q')).toEqual(['s1@2']);
    expect(story.world.verdict.found).toEqual([]);
  });
});

describe('a tree that can not be killed', () => {
  it('keeps its run from starting elsewhere for as long as its agent sees it', () => {
    const story = new Story({ policies: [policy('p')] });
    for (const tree of story.trees('p')) tree.unkillableUntil = story.world.queue.now + 10 * MINUTE;
    story.call({ kind: 'move_run', run: story.run('p').id, server: undefined });
    story.pass(3 * MINUTE);
    expect(story.run('p').state.kind).toBe('STUCK');
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.end()).toEqual([]);
  });

  it('is waited for no longer than W once another machine answers under the name of its server', () => {
    const story = new Story({ policies: [policy('p')] });
    for (const tree of story.trees('p')) tree.unkillableUntil = story.world.queue.now + 10 * MINUTE;
    story.call({ kind: 'move_run', run: story.run('p').id, server: undefined });
    story.pass(MINUTE);
    expect(story.run('p').state.kind).toBe('STUCK');
    const site = story.site('s1');
    site.powerOff(story.world.queue.now);
    site.host.directory = newStateDirectory('s1-dir-2');
    site.startAgent();
    // Its heartbeats are none of the old one's.
    story.pass(2 * MINUTE);
    expect(story.run('p').attempts[0]).toMatchObject({ state: { end: { proof: 'WAIT' } } });
    expect(story.living('p')).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });
});

describe('a store', () => {
  it('that was restored starts nothing before what ran in its earlier life is dead for certain', () => {
    const story = new Story({ policies: [] });
    const saved = story.world.store.save();
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p')) });
    story.pass(10 * SECOND);
    story.cut('s1');
    for (const controller of story.world.controllers) controller.die();
    story.world.store.restore(saved);
    for (const controller of story.world.controllers) controller.start();
    story.pass(5 * SECOND);
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p')) });
    story.pass(35 * SECOND);
    expect(story.runs('p')[0]).toMatchObject({ state: { kind: 'QUEUED', reason: 'NEW_INCARNATION' } });
    story.pass(30 * SECOND);
    expect(story.living('p').map((tree) => tree.slice(0, 2))).toEqual(['s2']);
    expect(story.end()).toEqual([]);
  });

  it('that is an older copy and does not say so starts nothing once an agent shows more than it knows', () => {
    const story = new Story({ policies: [policy('p')] });
    const { store, controllers } = story.world;
    const saved = store.save();
    story.call({ kind: 'create_policy', policy: policyId('q'), spec: specOf(policy('q')) });
    story.pass(10 * SECOND);
    for (const controller of controllers) controller.die();
    store.restore(saved);
    store.incarnation -= 1;
    for (const controller of controllers) controller.start();
    story.pass(20 * SECOND);
    expect(story.state.storeBehind).toBeDefined();
    story.call({ kind: 'create_policy', policy: policyId('r'), spec: specOf(policy('r')) });
    story.pass(2 * MINUTE);
    expect(story.runs('r')[0]?.state.reason).toBe('STORE_BEHIND');
    expect(story.living('r')).toEqual([]);
  });
});

describe('a leader', () => {
  it('that was deposed, wakes and gets a Hello tells the agent nothing', () => {
    const story = new Story({ policies: [policy('p')] });
    const old = story.leader;
    const wake = old.pause();
    story.pass(30 * SECOND);
    expect(story.leader).not.toBe(old);
    const { term } = story.state;
    // The agent is led back to the old leader just as that wakes.
    story.breakStreams('s1');
    wake();
    story.pass(20 * SECOND);
    expect(story.site('s1').agent.state?.session?.term).toBe(term);
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.end()).toEqual([]);
  });

  it('whose commit has an unknown outcome sends nothing that rests on it before it knows', () => {
    const story = new Story({ policies: [] });
    story.world.store.trouble.lose = 1;
    story.call({ kind: 'create_policy', policy: P, spec: specOf(policy('p')) });
    story.pass(20 * SECOND);
    expect(story.living('p')).toEqual([]);
    story.world.store.trouble.lose = 0;
    story.pass(20 * SECOND);
    expect(story.living('p')).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });

  it('that dies between an exit and its commit has not acknowledged it: the next one hears of it again', () => {
    const story = new Story({ policies: [policy('p', { trigger: { kind: 'on_demand' } })] });
    story.call({ kind: 'start_policy', policy: P, arguments: [] });
    story.pass(5 * SECOND);
    const { leader } = story;
    leader.path.cuts += 1;
    for (const tree of story.trees('p')) tree.kill();
    story.pass(2 * SECOND);
    leader.die();
    leader.path.cuts = 0;
    story.pass(20 * SECOND);
    const [run] = [...story.state.runs.values()];
    expect(run?.attempts.map((attempt) => endOf(attempt)?.proof)).toContain('REPORT');
    leader.start();
    expect(story.end()).toEqual([]);
  });
});

describe('a schedule', () => {
  it('goes on when the wall clock that noted its last time was an hour ahead', () => {
    const trigger = {
      kind: 'schedule',
      cron: '*/20 * * * * *',
      timeZone: '',
      missed: 'SKIP',
      overlap: 'SKIP',
    } as const;
    const behaviour = { deafShare: 0, termMs: 0, meanLifeMs: SECOND, failShare: 0 };
    const story = new Story({ policies: [policy('t', { trigger, behaviour })] });
    story.leader.changeClock({ wallStepMs: 60 * MINUTE });
    story.pass(MINUTE);
    story.leader.changeClock({ wallStepMs: -60 * MINUTE });
    const before = story.world.trees.starts;
    story.pass(2 * MINUTE);
    expect(story.world.trees.starts - before).toBeGreaterThanOrEqual(4);
    expect([...story.state.events].map(({ type }) => type)).toContain('SCHEDULE_RESET');
    expect(story.end()).toEqual([]);
  });
});
