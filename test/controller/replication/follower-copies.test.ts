import { describe, expect, it } from 'vitest';
import {
  FollowerCopies,
  LATE_MS,
  LOOK_MS,
  latenessOf,
  REPORT_MS,
} from '../../../controller/replication/follower-copies.ts';
import { lateFollowers, troubleBeside } from '../../../controller/trouble.ts';

const WALL = 1_700_000_000_000;

/** A leader with two followers on virtual time: it looks every second, and those that talk report every two. */
class Followers {
  mono = 0;
  /** Of the newest commit. */
  revision = 0;
  members = ['c2', 'c3'];
  readonly revisions = new Map([
    ['c2', 0],
    ['c3', 0],
  ]);
  readonly problems = new Map<string, string>();
  readonly silent = new Set<string>();
  readonly copies = new FollowerCopies(0);

  /** Followers that are not held take over each commit at once; the store is written every second. */
  pass(
    ms: number,
    { held = [], commits = true }: { readonly held?: readonly string[]; readonly commits?: boolean } = {},
  ) {
    for (const end = this.mono + ms; this.mono < end; ) {
      this.mono += LOOK_MS;
      if (commits) this.revision += 5;
      for (const id of this.revisions.keys()) if (!held.includes(id)) this.revisions.set(id, this.revision);
      this.copies.look(this.#committed, this.members, this.mono);
      if (this.mono % REPORT_MS === 0) this.#report();
    }
  }

  /** As somebody would be told now: reason, whom it is about, and since how long. */
  get told(): readonly unknown[] {
    return lateFollowers(this.copies.all, { mono: this.mono, wall: WALL + this.mono }).map(
      ({ resource, reason, sinceWall }) => [resource, reason, WALL + this.mono - (sinceWall ?? Number.NaN)],
    );
  }

  get #committed(): number | undefined {
    return this.revision === 0 ? undefined : this.revision;
  }

  #report(): void {
    for (const [id, revision] of this.revisions) {
      if (this.silent.has(id)) continue;
      const storeProblem = this.problems.get(id) ?? '';
      this.copies.reported({ id, revision, storeProblem }, this.#committed, this.mono);
    }
  }
}

describe('what a leader knows of its followers', () => {
  it('is nothing wrong while they keep up, and while nothing is written', () => {
    const followers = new Followers();
    followers.pass(60_000);
    expect(followers.told).toEqual([]);
    followers.pass(60_000, { commits: false });
    expect(followers.told).toEqual([]);
    expect(followers.copies.all.map(({ id, behindRevisions }) => [id, behindRevisions])).toEqual([
      ['c2', 0],
      ['c3', 0],
    ]);
  });

  it('is since when a copy lacks something, once that is 10 s ago, until it is whole again', () => {
    const followers = new Followers();
    followers.pass(30_000);
    followers.pass(LATE_MS, { held: ['c3'] });
    expect(followers.told).toEqual([]);
    followers.pass(2_000, { held: ['c3'] });
    // The first commit that it lacks came a second after it was held.
    expect(followers.told).toEqual([['controllers/c3', 'FOLLOWER_BEHIND', 11_000]]);
    followers.pass(200_000, { held: ['c3'] });
    expect(followers.told).toEqual([['controllers/c3', 'FOLLOWER_BEHIND', 211_000]]);
    expect(followers.copies.all[1]?.behindRevisions).toBe((212_000 / LOOK_MS) * 5);
    followers.pass(REPORT_MS);
    expect(followers.told).toEqual([]);
  });

  it('is how late a copy is that follows from far behind, though it never stands still', () => {
    const followers = new Followers();
    followers.pass(30_000);
    const lag = 40_000;
    followers.pass(lag, { held: ['c2'] });
    for (let n = 0; n < 100; n += 1) {
      followers.revisions.set('c2', followers.revision - (lag / LOOK_MS) * 5);
      followers.pass(LOOK_MS, { held: ['c2'] });
    }
    const [copy] = followers.copies.all;
    const ageMs = followers.mono - (copy?.asOfMono ?? 0);
    // What was long ago is remembered more coarsely.
    expect(ageMs).toBeGreaterThan(lag * 0.8);
    expect(ageMs).toBeLessThan(lag * 1.2);
  });

  it('is that the store does not answer one, though it lacks nothing, with what it says of it', () => {
    const followers = new Followers();
    followers.pass(30_000, { commits: false });
    followers.problems.set('c2', 'no answer\u001b[31m within 2 s');
    followers.pass(LATE_MS, { commits: false });
    const [told] = lateFollowers(followers.copies.all, { mono: followers.mono, wall: WALL });
    expect(told).toMatchObject({
      ...{ resource: 'controllers/c2', reason: 'FOLLOWER_BEHIND', command: 'locum controllers' },
      ...{ sinceWall: WALL - LATE_MS },
    });
    expect(told?.message).toMatch(/not known to be whole; the store does not answer it: no answer.* within 2 s$/);
    expect(told?.message).not.toContain('\u001b');
  });

  it('is who says nothing, though the store hears of it, whether it ever spoke or not', () => {
    const followers = new Followers();
    followers.silent.add('c3');
    followers.pass(LATE_MS + LOOK_MS);
    expect(followers.told).toEqual([['controllers/c3', 'FOLLOWER_SILENT', LATE_MS]]);
    followers.silent.delete('c3');
    followers.silent.add('c2');
    followers.pass(LATE_MS + LOOK_MS);
    expect(followers.told).toEqual([['controllers/c2', 'FOLLOWER_SILENT', LATE_MS + 2 * LOOK_MS]]);
  });

  it('is nothing of one that nobody hears of any more, which is told as gone', () => {
    const followers = new Followers();
    followers.pass(10_000);
    followers.silent.add('c3');
    followers.members = ['c2'];
    followers.pass(LATE_MS + LOOK_MS);
    expect(followers.told).toEqual([]);
    expect(followers.copies.all.map(({ id }) => id)).toEqual(['c2']);
  });

  it('is said once of one that the store lost sight of and the leader hears: behind, and not gone', () => {
    const followers = new Followers();
    followers.pass(10_000);
    followers.problems.set('c3', 'it hangs');
    followers.members = ['c2'];
    followers.pass(20_000, { held: ['c3'] });
    const gone = ['c3', 'c4'].map((id) => ({ id, agoMs: 15_000 }));
    const now = { mono: followers.mono, wall: WALL };
    const told = troubleBeside({ status: undefined, gone, followers: followers.copies.all, certificates: [] }, now);
    expect(told.map(({ resource, reason }) => [resource, reason])).toEqual([
      ['controllers/c4', 'CONTROLLER_GONE'],
      ['controllers/c3', 'FOLLOWER_BEHIND'],
    ]);
    expect(told[1]?.message).toMatch(/lacks 100 revisions, and the store does not hear of it; .*: it hangs$/);
  });

  it('calls nobody silent for a time in which the leader itself stood still', () => {
    const followers = new Followers();
    followers.pass(30_000);
    followers.mono += 60_000;
    followers.copies.look(followers.revision, followers.members, followers.mono);
    expect(followers.told).toEqual([]);
    followers.silent.add('c2');
    followers.pass(LATE_MS);
    expect(followers.told.length).toBe(1);
  });

  it('has a bound, whoever reports', () => {
    const copies = new FollowerCopies(0);
    for (let n = 0; n < 1_000; n += 1) copies.reported({ id: `pod-${n}`, revision: n, storeProblem: '' }, n, n);
    expect(copies.all.length).toBe(64);
    for (let mono = LOOK_MS; mono <= 2 * LATE_MS; mono += LOOK_MS) copies.look(1_000, ['pod-1'], mono);
    expect(copies.all.map(({ id }) => id)).toEqual(['pod-1']);
    expect(copies.all.flatMap((copy) => latenessOf(copy, 2 * LATE_MS)?.reason ?? [])).toEqual(['FOLLOWER_SILENT']);
  });

  it('begins anew with a copy that is made from nothing', () => {
    const copies = new FollowerCopies(0);
    for (let mono = LOOK_MS; mono <= 60_000; mono += LOOK_MS) copies.look(mono, ['c2'], mono);
    copies.reported({ id: 'c2', revision: 60_000, storeProblem: '' }, 60_000, 60_000);
    copies.reported({ id: 'c2', revision: 0, storeProblem: '' }, 60_000, 60_100);
    expect(copies.all[0]).toMatchObject({ asOfMono: LOOK_MS, behindRevisions: 60_000 });
  });
});
