import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeCandidate } from '../../../controller/replication/candidate.ts';
import { LeaderView } from '../../../controller/replication/leader-view.ts';
import { type LeaderSeen, StoreError } from '../../../controller/store/store.ts';
import { LeadersSeen, SILENT } from './leaders-seen.ts';

const seen = (term: number): LeaderSeen => ({
  term,
  candidate: encodeCandidate({ id: `c${term}`, api: '', agent: '', version: '' }),
});

/** A view whose watch says what the test says, and whose questions are answered by `answer`. */
function viewOf(answer: () => Promise<LeaderSeen | undefined>) {
  let watch: (leader: LeaderSeen | undefined) => void = () => undefined;
  const over = new AbortController();
  onTestFinished(() => over.abort());
  async function* observe(): AsyncGenerator<LeaderSeen | undefined, void> {
    while (!over.signal.aborted) {
      yield await new Promise<LeaderSeen | undefined>((resolve) => {
        watch = resolve;
      });
    }
  }
  const view = new LeaderView({ store: { leader: answer, observe }, log: SILENT, askMs: 1 });
  view.start(over.signal);
  return { view, watch: (leader: LeaderSeen | undefined) => watch(leader), signal: over.signal };
}

describe('the view of who leads', () => {
  it('follows the store', async () => {
    const leaders = new LeadersSeen();
    expect(leaders.view.leader).toBeUndefined();
    const first = await leaders.lead('c1', 'one:1');
    expect(leaders.view.leader).toMatchObject({ id: 'c1', api: 'one:1', term: first });
    await leaders.lead('c2', 'two:1');
    expect(leaders.view.leader).toMatchObject({ id: 'c2', term: first + 1 });
    leaders.cluster.depose(leaders.term, 'nobody leads');
    await leaders.seen(() => leaders.view.leader === undefined);
  });

  it('is not set back by an answer that was overtaken on its way', async () => {
    let asked = 0;
    const { view, watch, signal } = viewOf(async () => {
      asked += 1;
      return seen(4);
    });
    await view.when(() => view.leader, signal);
    watch(seen(5));
    await view.when(() => (view.leader?.term === 5 ? true : undefined), signal);
    const before = asked;
    while (asked < before + 3) await new Promise((resolve) => setImmediate(resolve));
    expect(view.leader).toMatchObject({ id: 'c5', term: 5 });
  });

  it('says why the store does not answer, and keeps the leader it knows', async () => {
    let problem: StoreError | undefined;
    const { view, signal } = viewOf(async () => {
      if (problem !== undefined) throw problem;
      return seen(7);
    });
    await view.when(() => view.leader, signal);
    problem = new StoreError('STORE_UNAVAILABLE', 'no majority');
    expect(await view.when(() => view.storeProblem, signal)).toContain('no majority');
    expect(view.leader?.term).toBe(7);
    problem = undefined;
    await view.when(() => (view.storeProblem === undefined ? true : undefined), signal);
  });

  it('doubts a leader only for as long as it leads', async () => {
    const leaders = new LeadersSeen();
    const first = await leaders.lead('c1', 'one:1');
    leaders.view.doubt(first);
    expect(leaders.view.isDoubted).toBe(true);
    await leaders.lead('c2', 'two:1');
    expect(leaders.view.isDoubted).toBe(false);
  });

  it('answers who waits with nothing when the time is up', async () => {
    const leaders = new LeadersSeen();
    expect(await leaders.view.when(() => leaders.view.leader, AbortSignal.timeout(1))).toBeUndefined();
  });
});
