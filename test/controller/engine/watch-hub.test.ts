import { describe, expect, it } from 'vitest';
import { WatchHub } from '../../../controller/engine/watch-hub.ts';
import { LocumError } from '../../../shared/errors.ts';

const changes = (...keys: string[]) => keys.map((key) => ({ key, deleted: false }));
const keysFrom = (hub: WatchHub, revision: number): string[] =>
  hub.take(hub.resume(revision), 100).map(({ key }) => key);

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof LocumError) return error.reason;
    throw error;
  }
  return 'no error';
}

describe('the window of changes', () => {
  it('gives a resumed watch everything since its revision, with that revision itself once more', () => {
    const hub = new WatchHub({ revision: 5, incarnation: 1 });
    hub.advance(6);
    hub.publish(changes('a', 'b'));
    hub.advance(9);
    hub.publish(changes('c'));
    expect(keysFrom(hub, 5)).toEqual(['a', 'b', 'c']);
    expect(keysFrom(hub, 6)).toEqual(['a', 'b', 'c']);
    expect(keysFrom(hub, 7)).toEqual(['c']);
    expect(keysFrom(hub, 9)).toEqual(['c']);
  });

  it('refuses revisions from before this leader, from the future, and those whose changes have left it', () => {
    const hub = new WatchHub({ revision: 5, incarnation: 1, capacity: 2 });
    expect(reasonOf(() => hub.resume(4))).toBe('REVISION_TOO_OLD');
    expect(reasonOf(() => hub.resume(6))).toBe('REVISION_TOO_OLD');
    expect(keysFrom(hub, 5)).toEqual([]);
    for (const [revision, key] of [
      [6, 'a'],
      [7, 'b'],
      [8, 'c'],
    ] as const) {
      hub.advance(revision);
      hub.publish(changes(key));
    }
    expect(reasonOf(() => hub.resume(6))).toBe('REVISION_TOO_OLD');
    expect(keysFrom(hub, 7)).toEqual(['b', 'c']);
  });

  it('refuses revisions from before a restore, also once the store has come to the same numbers again', () => {
    const before = new WatchHub({ revision: 5, incarnation: 1 });
    before.advance(7);
    const restored = new WatchHub({ revision: 1, incarnation: 2 });
    for (let revision = 2; revision <= 9; revision += 1) {
      restored.advance(revision);
      expect(reasonOf(() => restored.resume(before.revision))).toBe('REVISION_TOO_OLD');
    }
    expect(keysFrom(restored, restored.revision)).toEqual([]);
  });

  it('tells a watch that was overtaken that it is too slow, and none that was not', () => {
    const hub = new WatchHub({ revision: 1, incarnation: 1, capacity: 3 });
    const start = hub.end;
    hub.publish(changes('a', 'b', 'c'));
    expect(hub.take(start, 2).map(({ key }) => key)).toEqual(['a', 'b']);
    hub.publish(changes('d'));
    expect(reasonOf(() => hub.take(start, 1))).toBe('SLOW_READER');
    expect(hub.take(start + 1, 9).map(({ key }) => key)).toEqual(['b', 'c', 'd']);
  });

  it('wakes its watches at the end of the term, with the reason', async () => {
    const hub = new WatchHub({ revision: 1, incarnation: 1 });
    const { changed } = hub;
    hub.close(new LocumError('NOT_LEADER', 'over'));
    await changed;
    expect(reasonOf(() => hub.take(hub.end, 1))).toBe('NOT_LEADER');
  });
});
