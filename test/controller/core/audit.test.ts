import { describe, expect, it } from 'vitest';
import { DEFAULT_KEEP } from '../../../controller/core/cluster/cluster.ts';
import type { Call } from '../../../controller/core/cluster/event.ts';
import { AUDIT_BEGIN, type AuditEntry, ChainVerifier } from '../../../shared/access/audit-chain.ts';
import { firstOfIncarnation, policyId, poolId } from '../../../shared/ids.ts';
import { specOf } from '../../scenarios/policy-notation.ts';
import { wordsOf } from '../../scenarios/words.ts';
import { ModelWorld } from './world/model-world.ts';

const NIGHTLY = policyId('nightly');
const create: Call = { kind: 'create_policy', policy: NIGHTLY, spec: specOf(wordsOf('continuous')) };
const pause: Call = { kind: 'pause_policy', policy: NIGHTLY };
const resume: Call = { kind: 'resume_policy', policy: NIGHTLY };

/** A world that is led, and the keys of each of its commits. */
function ledWorld(audit = 100): { readonly world: ModelWorld; readonly commits: (readonly string[])[] } {
  const commits: (readonly string[])[] = [];
  const world = new ModelWorld({
    keep: { ...DEFAULT_KEEP, audit },
    onEffect: (effect) => {
      if (effect.kind === 'persist') commits.push(effect.writes.map(({ kind, key }) => `${kind} ${key}`));
    },
  });
  world.elect({ first: true });
  pass(world);
  return { world, commits };
}

const pass = (world: ModelWorld): void => world.advanceTo(world.now.mono + 100);

function call(world: ModelWorld, request: Call, details: Parameters<ModelWorld['call']>[1] = {}): void {
  world.call(request, details);
  pass(world);
}

const changes = (world: ModelWorld): readonly AuditEntry[] => world.state.audit.CHANGES.values();

/** What is kept of the log is whole, from what was dropped to its head. */
function expectWhole(world: ModelWorld): void {
  const { dropped, head } = world.state.audit.CHANGES;
  const verifier = new ChainVerifier('CHANGES', dropped);
  for (const entry of changes(world)) expect(verifier.add(entry)).toBeUndefined();
  expect(verifier.last).toEqual(head);
}

describe('the audit of changes', () => {
  it('has who changed what, how, from where and with which request', () => {
    const { world } = ledWorld();
    const origin = { method: 'locum.v1.PolicyService/CreatePolicy', source: '192.0.2.7' };
    call(world, create, { actor: 'operator:ann', requestId: 'r-1', origin });
    expect(changes(world)).toMatchObject([
      {
        ...{ log: 'CHANGES', number: 1, kind: 'CHANGE', principal: 'operator:ann', ...origin },
        ...{ resource: 'policies/nightly', requestId: 'r-1', outcome: 'OK', count: 1, term: world.state.term },
      },
    ]);
    expectWhole(world);
  });

  it('is written in the very commit of the change', () => {
    const { world, commits } = ledWorld();
    call(world, create);
    const commit = commits.find((keys) => keys.includes('put policies/nightly'));
    expect(commit).toContain('put audit/changes/0000000000000001');
    expect(commit).toContain('put audit/changes');
  });

  it('has no second entry for a call that is repeated under its request_id', () => {
    const { world } = ledWorld();
    call(world, create, { requestId: 'r-1' });
    call(world, create, { requestId: 'r-1' });
    world.elect();
    call(world, create, { requestId: 'r-1' });
    expect(changes(world)).toHaveLength(1);
  });

  it('has nothing of calls that are refused, only tried, or change nothing', () => {
    const { world } = ledWorld();
    call(world, create);
    call(world, create);
    call(world, { kind: 'delete_pool', pool: poolId('nowhere'), etag: '' });
    call(world, { ...create, policy: policyId('another') }, { validateOnly: true });
    call(world, resume);
    expect(changes(world).map(({ method }) => method)).toEqual(['locum.v1/create_policy']);
  });

  it('goes on without a hole when another controller leads', () => {
    const { world } = ledWorld();
    call(world, create);
    for (let round = 0; round < 3; round += 1) {
      call(world, pause);
      world.elect();
      call(world, resume);
    }
    expect(changes(world).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(changes(world).map(({ term }) => term)).size).toBe(4);
    expectWhole(world);
  });

  it('lacks nothing that was answered when its leader is gone in the midst of a commit', () => {
    const { world } = ledWorld();
    call(world, create);
    const answered = changes(world).length;
    // Not committed when the leader ends: neither the change nor its entry is there, and the number is given anew.
    world.store.holdCommits();
    call(world, pause);
    expect(changes(world)).toHaveLength(answered + 1);
    world.elect();
    world.store.releaseCommits();
    pass(world);
    expect(world.state.policies.get(NIGHTLY)?.paused).toBe(false);
    expect(changes(world)).toHaveLength(answered);
    call(world, pause);
    expectWhole(world);
  });

  it('keeps the newest and remembers what it dropped, in the store too', () => {
    const { world, commits } = ledWorld(5);
    call(world, create);
    for (let round = 0; round < 10; round += 1) call(world, round % 2 === 0 ? pause : resume);
    expect(changes(world).map(({ number }) => number)).toEqual([7, 8, 9, 10, 11]);
    expect(world.state.audit.CHANGES.dropped.number).toBe(6);
    expectWhole(world);
    expect(commits.at(-1)).toContain('delete audit/changes/0000000000000006');
    world.elect();
    pass(world);
    expectWhole(world);
    expect(world.state.audit.CHANGES.dropped.number).toBe(6);
  });

  it('says that the store was restored, with a number above all that were ever given', () => {
    const { world } = ledWorld();
    call(world, create);
    const [first] = changes(world);
    world.elect({ incarnation: 2, first: true });
    pass(world);
    const [, restore] = changes(world);
    expect(restore).toMatchObject({ kind: 'RESTORE', number: firstOfIncarnation(2) + 1, previousHash: first?.hash });
    call(world, pause);
    expectWhole(world);
  });

  it('begins with nothing: neither an election nor an agent is a change by somebody', () => {
    const { world } = ledWorld();
    world.agent('web-1').hello();
    world.advanceTo(5_000);
    expect(changes(world)).toEqual([]);
    expect(world.state.audit.CHANGES.head).toEqual(AUDIT_BEGIN);
  });
});
