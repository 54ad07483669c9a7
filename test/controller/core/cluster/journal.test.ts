import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyCluster } from '../../../../controller/core/cluster/cluster.ts';
import { Journal, type NewEvent } from '../../../../controller/core/cluster/journal.ts';
import { eventKey } from '../../../../controller/core/records/keys.ts';
import type { Server } from '../../../../controller/core/records/state.ts';
import { present } from '../../../../shared/assert.ts';
import { serverId } from '../../../../shared/ids.ts';
import { servers } from '../../codec/arbitrary-records.ts';

const server = (id: string): Server => ({
  ...present(fc.sample(servers, { numRuns: 1, seed: 1 })[0], 'one was asked for'),
  id: serverId(id),
  version: 0,
});

const about = (id: string): NewEvent => ({
  type: 'SERVER_UPDATED',
  cause: 'OPERATOR',
  message: 'm',
  server: serverId(id),
});

const keysOf = (journal: Journal): readonly string[] => journal.takeWrites().map(({ key }) => key);

describe('a journal', () => {
  it('writes a record once, however often it changed', () => {
    const journal = new Journal(emptyCluster('test'));
    const a = server('a');
    journal.put(a);
    journal.put(a);
    expect(keysOf(journal)).toEqual(['servers/a', 'meta']);
    expect(journal.hasWrites).toBe(false);
  });

  it('writes the counters with every batch, once', () => {
    const state = emptyCluster('test');
    const journal = new Journal(state);
    journal.put(state.meta);
    journal.event(about('a'));
    expect([...keysOf(journal)].sort()).toEqual([eventKey(1), 'meta']);
    journal.put(server('a'));
    expect(keysOf(journal)).toContain('meta');
  });

  it('deletes the oldest event with each one past the number that is kept, and writes down that it did', () => {
    const state = emptyCluster('test', { events: 100, endedRuns: 100, requests: 100, audit: 100 });
    const journal = new Journal(state);
    for (let number = 1; number <= 100; number += 1) journal.event(about('a'));
    journal.takeWrites();
    journal.event(about('a'));
    const writes = journal.takeWrites();
    expect(writes).toContainEqual({ kind: 'delete', key: eventKey(1) });
    expect(state.meta.droppedEvent).toBe(1);
    expect(state.events.size).toBe(100);
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
    expect([...state.events].at(-1)).toMatchObject({
      number: 1,
      actor: 'operator:ann',
      type: 'SERVER_UPDATED',
      cause: 'OPERATOR',
    });
  });
});
