import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyCluster } from '../../../controller/core/cluster.ts';
import { EVENTS_KEPT, Journal, type NewEvent } from '../../../controller/core/journal.ts';
import { eventKey } from '../../../controller/core/keys.ts';
import type { Server } from '../../../controller/core/state.ts';
import { present } from '../../../shared/assert.ts';
import { serverId } from '../../../shared/ids.ts';
import { servers } from '../codec/arbitrary-records.ts';

const server = (id: string): Server => ({
  ...present(fc.sample(servers, { numRuns: 1, seed: 1 })[0], 'one was asked for'),
  id: serverId(id),
  version: 0,
});

const about = (id: string): NewEvent => ({ type: 'T', cause: 'C', message: 'm', server: serverId(id) });

/** Keys of each decision, in the order of the batch. */
function decisionsOf(journal: Journal): readonly (readonly string[])[] {
  const { writes, decisions } = journal.takeWrites();
  return decisions.map((from, index) => writes.slice(from, decisions[index + 1]).map(({ key }) => key));
}

describe('a journal', () => {
  it('writes a record once, however often it changed, and counts every change', () => {
    const journal = new Journal(emptyCluster('test'));
    const a = server('a');
    journal.now = { mono: 5, wall: 77 };
    journal.put(a);
    journal.put(a);
    expect(decisionsOf(journal)).toEqual([['meta'], ['servers/a']]);
    expect(a).toMatchObject({ version: 2, updateWall: 77 });
    expect(journal.hasWrites).toBe(false);
  });

  it('writes the counters first: a store that takes only a part of a batch has them ahead, never behind', () => {
    const state = emptyCluster('test');
    const journal = new Journal(state);
    journal.put(server('a'));
    journal.put(state.meta);
    expect(decisionsOf(journal)[0]).toEqual(['meta']);
  });

  it('keeps in one decision a record and what the event log says of it', () => {
    const journal = new Journal(emptyCluster('test'));
    journal.event(about('a'));
    journal.put(server('b'));
    journal.put(server('a'));
    expect(decisionsOf(journal)).toEqual([['meta'], [eventKey(1), 'servers/a'], ['servers/b']]);
  });

  it('keeps in one decision what was put together, over any number of links', () => {
    const journal = new Journal(emptyCluster('test'));
    for (const id of ['a', 'b', 'c', 'd']) journal.put(server(id));
    journal.together('servers/a', 'servers/b');
    journal.together('servers/d', 'servers/c');
    journal.together('servers/b', 'servers/d');
    expect(decisionsOf(journal).slice(1)).toEqual([['servers/a', 'servers/b', 'servers/c', 'servers/d']]);
  });

  it('forgets the links with the batch', () => {
    const journal = new Journal(emptyCluster('test'));
    journal.put(server('a'));
    journal.together('servers/a', 'servers/b');
    journal.takeWrites();
    journal.put(server('a'));
    journal.put(server('b'));
    expect(decisionsOf(journal).slice(1)).toEqual([['servers/a'], ['servers/b']]);
  });

  it('deletes the oldest event with each one past the number that is kept', () => {
    const state = emptyCluster('test');
    const journal = new Journal(state);
    for (let number = 1; number <= EVENTS_KEPT; number += 1) journal.event(about('a'));
    journal.takeWrites();
    journal.event(about('a'));
    const { writes } = journal.takeWrites();
    expect(writes).toContainEqual({ kind: 'delete', key: eventKey(1) });
    expect(state.events).toHaveLength(EVENTS_KEPT);
  });

  it('tells watchers of what changed and of what only shows something new, once', () => {
    const journal = new Journal(emptyCluster('test'));
    journal.put(server('a'));
    journal.touch('servers/a');
    journal.touch('servers/b');
    journal.delete('servers/c');
    expect(journal.takeChanged()).toEqual([
      { key: 'servers/a', deleted: false },
      { key: 'servers/b', deleted: false },
      { key: 'servers/c', deleted: true },
    ]);
    expect(journal.hasChanged).toBe(false);
  });

  it('says who caused what', () => {
    const state = emptyCluster('test');
    const journal = new Journal(state);
    journal.actor = 'operator:ann';
    journal.event(about('a'));
    expect(state.events.at(-1)).toMatchObject({ number: 1, actor: 'operator:ann', type: 'T', cause: 'C' });
  });
});
