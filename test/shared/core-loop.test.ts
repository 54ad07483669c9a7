import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readClocks } from '../../shared/host/clocks.ts';
import { CoreLoop, type Tick, type Wake } from '../../shared/host/core-loop.ts';

interface Said {
  readonly kind: 'said';
  readonly word: string;
}
interface Do {
  readonly kind: 'do';
  readonly word: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** A core that answers each word with what `answers` says, and a tick with a word of its own. */
function world(answers: (event: Said | Tick) => readonly (Do | Wake)[], perform: (effect: Do) => readonly Said[]) {
  const handled: string[] = [];
  let effects: readonly (Do | Wake)[] = [];
  const core = {
    step(event: Said | Tick): void {
      handled.push(event.kind === 'tick' ? 'tick' : event.word);
      effects = answers(event);
    },
    flush: () => effects,
  };
  const loop = new CoreLoop<Said, Do, undefined>({ core, readNow: () => undefined, perform });
  return { loop, handled };
}

const said = (word: string): Said => ({ kind: 'said', word });

describe('the loop around the cores of agent and keeper', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('handles what an effect finds out at once before the next event, and an event of that time after both', () => {
    const { loop, handled } = world(
      (event) => (event.kind === 'said' && event.word === 'first' ? [{ kind: 'do', word: 'look' }] : []),
      () => {
        loop.push(said('second'));
        return [said('found')];
      },
    );
    loop.push(said('first'));
    expect(handled).toEqual(['first', 'found', 'second']);
  });

  it('ticks when it is to be woken; the newest wish holds, and none after the end', () => {
    let wishMs = 500;
    const { loop, handled } = world(
      (event) => (event.kind === 'tick' ? [] : [{ kind: 'wake', atMono: readClocks().mono + wishMs }]),
      () => [],
    );
    loop.push(said('a'));
    wishMs = 5_000;
    loop.push(said('b'));
    vi.advanceTimersByTime(4_000);
    expect(handled).toEqual(['a', 'b']);
    vi.advanceTimersByTime(1_001);
    expect(handled).toEqual(['a', 'b', 'tick']);
    loop.push(said('c'));
    loop.stop();
    vi.advanceTimersByTime(10_000);
    expect(handled).toEqual(['a', 'b', 'tick', 'c']);
  });

  it('sleeps for an hour at most, since a longer timer of Node than 24.8 days fires at once', () => {
    const { loop, handled } = world(
      (event) => (event.kind === 'tick' ? [] : [{ kind: 'wake', atMono: readClocks().mono + 30 * DAY_MS }]),
      () => [],
    );
    loop.push(said('a'));
    vi.advanceTimersByTime(60_000);
    expect(handled).toEqual(['a']);
    vi.advanceTimersByTime(DAY_MS);
    expect(handled).toEqual(['a', 'tick']);
    loop.stop();
  });
});
