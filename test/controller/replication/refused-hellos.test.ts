import { describe, expect, it } from 'vitest';
import { encodeNote } from '../../../controller/replication/member-notes.ts';
import {
  countRefusedHellos,
  LASTING_MS,
  NOTE_EVERY_MS,
  OVER_MS,
  RefusalRecord,
} from '../../../controller/replication/refused-hellos.ts';

const TERM = 7;

/** A follower that looks once a second; `hellos` says how many were refused by then. Answers with what it noted, and when. */
function notes(seconds: number, hellos: (second: number) => number, term: (second: number) => number | undefined) {
  const record = new RefusalRecord();
  const found: { readonly second: number; readonly term: number; readonly count: number }[] = [];
  for (let second = 0; second <= seconds; second += 1) {
    const note = record.look({ mono: second * 1_000, term: term(second), refusedHellos: hellos(second) });
    if (note !== undefined) found.push({ second, ...note });
  }
  return found;
}

const always = (): number => TERM;

describe('a follower that sends agents on to the leader', () => {
  it('notes nothing while nobody comes', () => {
    expect(notes(600, () => 0, always)).toEqual([]);
  });

  it('notes nothing about a thousand agents that pass within two seconds after an election', () => {
    expect(notes(600, (second) => Math.min(1_000, Math.max(0, second - 100) * 500), always)).toEqual([]);
  });

  it('notes nothing about an agent that comes by once a minute', () => {
    expect(notes(600, (second) => Math.floor(second / 60), always)).toEqual([]);
  });

  it('notes an agent that comes back and back, at most every two seconds', () => {
    const found = notes(60, (second) => second, always);
    expect(found[0]).toEqual({ second: 1 + LASTING_MS / 1_000, term: TERM, count: 1 + LASTING_MS / 1_000 });
    const gaps = found.slice(1).map(({ second }, i) => second - (found[i]?.second ?? 0));
    expect(new Set(gaps)).toEqual(new Set([NOTE_EVERY_MS / 1_000]));
  });

  it('notes the last of them too, and then no more', () => {
    const found = notes(300, (second) => Math.min(second, 10), always);
    expect(found.at(-1)).toMatchObject({ count: 10 });
    expect(found.at(-1)?.second).toBeLessThan(15);
  });

  it('begins anew when nobody came for a while', () => {
    const late = 10 + OVER_MS / 1_000 + 5;
    const found = notes(300, (second) => (second >= late ? 11 : Math.min(second, 10)), always);
    expect(found.at(-1)).toMatchObject({ count: 10 });
  });

  it('counts for each leader by itself', () => {
    const found = notes(
      60,
      (second) => second,
      (second) => (second < 30 ? TERM : TERM + 1),
    );
    expect(found.find(({ term }) => term === TERM + 1)).toEqual({ second: 34, term: TERM + 1, count: 4 });
  });

  it('notes nothing while it does not know who leads', () => {
    expect(
      notes(
        60,
        (second) => second,
        () => undefined,
      ),
    ).toEqual([]);
  });
});

describe('a note about refused Hellos', () => {
  it('is read by the leader of its term', () => {
    expect(countRefusedHellos(encodeNote({ refused: { term: TERM, count: 12 } }), TERM)).toBe(12);
    expect(countRefusedHellos(encodeNote({ refused: { term: TERM - 1, count: 12 } }), TERM)).toBe(0);
  });

  it.each(['', 'null', '12', '{', '{"term":7}', '{"term":7,"refusedHellos":"many"}'])('counts as none: %s', (note) => {
    expect(countRefusedHellos(note, TERM)).toBe(0);
  });
});
