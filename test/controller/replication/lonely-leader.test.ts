import { describe, expect, it } from 'vitest';
import { type Advice, LonelyLeader, QUIET_MS } from '../../../controller/replication/lonely-leader.ts';

interface Story {
  /** What agents have done at the leader by then. Default: nothing, ever. */
  readonly heard?: (second: number) => number;
  /** Hellos that the followers b and c say they refused by then. Default: none. */
  readonly refused?: (second: number) => readonly [b: number, c: number];
  readonly term?: (second: number) => number;
  readonly heartbeatMs?: number;
  /** The process stood still before this look. */
  readonly pausedAt?: number;
}

/** Looks once a second, as the controller does. Answers with when and how it resigned, and how often it asked. */
function lead(seconds: number, story: Story) {
  const { heard = () => 0, refused = () => [0, 0], term = () => 1, heartbeatMs = 5_000, pausedAt } = story;
  const leader = new LonelyLeader();
  let asked = 0;
  for (let second = 0; second <= seconds; second += 1) {
    const mono = second * 1_000;
    const paused = second === pausedAt;
    if (!leader.look({ mono, term: term(second), heard: heard(second), heartbeatMs, paused })) continue;
    asked += 1;
    const [b, c] = refused(second);
    const verdict: Advice = leader.judge(mono, [
      { candidate: 'a', refusedHellos: 0 },
      { candidate: 'b', refusedHellos: b },
      { candidate: 'c', refusedHellos: c },
    ]);
    if (verdict.kind === 'resign') return { second, verdict, asked };
  }
  return { second: undefined, verdict: undefined, asked };
}

const QUIET = QUIET_MS / 1_000;

describe('a leader that hears no agent', () => {
  it('stays while nobody asks for it: there may be no agents at all', () => {
    expect(lead(3_600, {}).verdict).toBeUndefined();
  });

  it('resigns after 10 s while followers refuse agents, in favour of the one that most come to', () => {
    const { second, verdict } = lead(60, { refused: (at) => [at, 3 * at] });
    expect(second).toBe(QUIET);
    expect(verdict).toMatchObject({ to: 'c', silentMs: QUIET_MS, refusedHellos: 4 * (QUIET / 2) });
  });

  it('resigns when the refusals begin later, as soon as they are seen', () => {
    expect(lead(300, { refused: (at) => [Math.max(0, at - 100), 0] }).second).toBe(101);
  });

  it('does not take an old note for news', () => {
    expect(lead(300, { refused: () => [250, 0] }).verdict).toBeUndefined();
  });

  it('takes what a follower says after its restart for news, though it says less than before', () => {
    const { second, verdict } = lead(60, { refused: (at) => [at < 8 ? 250 : Math.max(0, at - 20), 0] });
    expect(second).toBe(21);
    expect(verdict).toMatchObject({ to: 'b', refusedHellos: 1 });
  });

  it('counts from its own election', () => {
    const { second } = lead(300, { refused: (at) => [at, 0], term: (at) => (at < 5 ? 1 : 2) });
    expect(second).toBe(5 + QUIET);
  });

  it('has the whole time again after a pause of its own process', () => {
    expect(lead(300, { refused: (at) => [at, 0], pausedAt: 9 }).second).toBe(9 + QUIET);
  });

  it('waits for two heartbeat intervals where agents are quiet', () => {
    expect(lead(300, { refused: (at) => [at, 0], heartbeatMs: 30_000 }).second).toBe(60);
  });
});

describe('a leader that hears an agent', () => {
  it('stays, whatever the followers refuse: some agents can reach it', () => {
    expect(lead(3_600, { heard: (at) => Math.floor(at / 5), refused: (at) => [at, at] }).verdict).toBeUndefined();
  });

  it('does not ask the followers at all while heartbeats come as usual', () => {
    expect(lead(3_600, { heard: (at) => Math.floor(at / 4) }).asked).toBe(0);
  });

  it('resigns 10 s after the last one said something', () => {
    const { second } = lead(300, { heard: (at) => Math.min(at, 100), refused: (at) => [Math.max(0, at - 103), 0] });
    expect(second).toBe(100 + QUIET);
  });
});
