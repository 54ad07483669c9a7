import { describe, expect, it } from 'vitest';
import { judge } from '../../../controller/replication/agent-reach.ts';
import { LonelyLeader, QUIET_MS } from '../../../controller/replication/lonely-leader.ts';
import { encodeNote } from '../../../controller/replication/member-notes.ts';

const TERM = 1;

/** A leader that hears nobody, looks once a second, and has a follower that refuses an agent in each. */
function silence() {
  const lonely = new LonelyLeader();
  let mono = 0;
  let refused = 0;
  let heard = 0;
  const look = ({ storeTakesMs = 0, heardMeanwhile = 0 } = {}) => {
    mono += 1_000;
    refused += 1;
    const agents = {
      get heard() {
        return heard;
      },
      refusedHellos: 0,
    };
    const members = async () => {
      mono += storeTakesMs;
      heard += heardMeanwhile;
      return [{ candidate: 'b', silentMs: 0, note: encodeNote({ refused: { term: TERM, count: refused } }) }];
    };
    const store = { members, note: async () => undefined };
    const round = { term: TERM, paused: false, clock: () => mono };
    return judge({ store, agents, heartbeatMs: () => 5_000 }, lonely, round);
  };
  const almostTooLong = async (): Promise<void> => {
    for (let second = 0; second < QUIET_MS / 1_000; second += 1) expect(await look()).toEqual({ kind: 'stay' });
  };
  return { look, almostTooLong };
}

describe('a leader that asks its followers', () => {
  it('resigns when they refuse agents while it hears none', async () => {
    const { look, almostTooLong } = silence();
    await almostTooLong();
    expect(await look()).toMatchObject({ kind: 'resign', to: 'b' });
  });

  it('stays when an agent comes while it asks', async () => {
    const { look, almostTooLong } = silence();
    await almostTooLong();
    expect(await look({ heardMeanwhile: 1 })).toEqual({ kind: 'stay' });
  });

  it('stays when it stood still while it asked: what agents said then was not read yet', async () => {
    const { look, almostTooLong } = silence();
    await almostTooLong();
    expect(await look({ storeTakesMs: 30_000 })).toEqual({ kind: 'stay' });
  });
});
