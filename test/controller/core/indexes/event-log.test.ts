import { describe, expect, it } from 'vitest';
import { EventLog, ownerOf } from '../../../../controller/core/indexes/event-log.ts';
import type { EventRecord } from '../../../../controller/core/records/state.ts';
import { policyId, poolId, serverId } from '../../../../shared/ids.ts';

const event = (number: number): EventRecord => ({
  kind: 'event',
  number,
  wall: 0,
  type: 'SERVER_UPDATED',
  cause: 'OPERATOR',
  actor: 'controller',
  message: '',
  term: 1,
});

const numbers = (events: Iterable<EventRecord>): number[] => Array.from(events, ({ number }) => number);

/** Adds events of an owner with these numbers. */
function add(log: EventLog, owner: string, from: number, to: number, ownLimit?: number): number[] {
  const dropped: number[] = [];
  for (let number = from; number <= to; number += 1) dropped.push(...numbers(log.add(owner, event(number), ownLimit)));
  return dropped;
}

describe('the event log', () => {
  it('is read by number, over gaps', () => {
    const log = new EventLog();
    for (const number of [3, 4, 9, 12]) log.add('cluster', event(number));
    expect(numbers(log.after(0))).toEqual([3, 4, 9, 12]);
    expect(numbers(log.after(4))).toEqual([9, 12]);
    expect(numbers(log.after(5))).toEqual([9, 12]);
    expect(numbers(log.after(12))).toEqual([]);
    expect(log.dropped).toBe(0);
  });

  it('drops of the noisy one alone, and says up to where', () => {
    const log = new EventLog(100);
    add(log, 'policies/quiet', 1, 10);
    expect(add(log, 'policies/noisy', 11, 200)).toEqual(Array.from({ length: 100 }, (_, index) => 11 + index));
    expect(numbers(log.after(0)).slice(0, 11)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 111]);
    expect(log.droppedUpTo('policies/quiet')).toBe(0);
    expect(log.droppedUpTo('policies/noisy')).toBe(110);
    expect(log.droppedUpTo(undefined)).toBe(110);
    expect(log.size).toBe(100);
  });

  it('holds a policy to the limit that it was given', () => {
    const log = new EventLog(100);
    expect(add(log, 'policies/a', 1, 10, 3)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(numbers(log)).toEqual([8, 9, 10]);
  });

  it('keeps 20 of each, however many there are', () => {
    const log = new EventLog(100);
    for (let owner = 0; owner < 30; owner += 1) add(log, `policies/p${owner}`, owner * 25 + 1, owner * 25 + 25);
    expect(log.size).toBe(30 * 20);
  });

  it('lets what is gone share one room: names that come and go push out each other', () => {
    const log = new EventLog(100);
    add(log, 'policies/quiet', 1, 30);
    for (let name = 0; name < 500; name += 1) {
      add(log, `policies/p${name}`, 31 + name * 2, 32 + name * 2);
      log.disown(`policies/p${name}`);
    }
    expect(numbers(log.after(0)).slice(0, 31)).toEqual([...Array.from({ length: 30 }, (_, index) => index + 1), 961]);
  });

  it('never says that nothing is missing to a reader of a name that was there before', () => {
    const log = new EventLog(100);
    add(log, 'policies/a', 1, 90);
    log.disown('policies/a');
    add(log, 'policies/a', 91, 91);
    add(log, 'policies/b', 92, 141);
    expect(numbers(log.after(0))[0]).toBe(42);
    expect(log.droppedUpTo('policies/a')).toBe(41);
  });

  it('tells after a restart what was dropped before, as far as it can be known', () => {
    const log = new EventLog(100);
    log.droppedBefore(50);
    add(log, 'policies/old', 7, 9);
    add(log, 'policies/new', 60, 61);
    expect([log.droppedUpTo('policies/old'), log.droppedUpTo('policies/new')]).toEqual([6, 50]);
    expect([log.droppedUpTo('policies/other'), log.droppedUpTo(undefined)]).toEqual([50, 50]);
  });

  it('knows whose an event is: of a policy before a server, of a server before its pool, and of what is gone', () => {
    const existing = {
      policies: new Set([policyId('p')]),
      servers: new Set([serverId('s')]),
      pools: new Set([poolId('default')]),
    };
    const base = { ...event(1), pool: poolId('default') };
    expect(ownerOf({ ...base, server: serverId('s'), policy: policyId('p') }, existing)).toBe('policies/p');
    expect(ownerOf({ ...base, server: serverId('s'), policy: policyId('x') }, existing)).toBe('gone');
    expect(ownerOf({ ...base, server: serverId('s') }, existing)).toBe('servers/s');
    expect(ownerOf(base, existing)).toBe('pools/default');
    expect(ownerOf(event(1), existing)).toBe('cluster');
  });
});
