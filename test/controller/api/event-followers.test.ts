/**
 * Followers of the event log, with the client of the command line, against leaders that come and go: numbers with gaps, commits that
 * are lost, streams that are cut, events that are dropped, and stores that are restored to an earlier state.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamCount } from '../../../controller/api/api-context.ts';
import { eventService } from '../../../controller/api/event-service.ts';
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import { Journal } from '../../../controller/core/cluster/journal.ts';
import { stateOf } from '../../../controller/core/load.ts';
import { newMeta } from '../../../controller/core/records/meta.ts';
import type { Policy, StateRecord } from '../../../controller/core/records/state.ts';
import { createScheduleReader } from '../../../controller/engine/schedules.ts';
import { WatchHub } from '../../../controller/engine/watch-hub.ts';
import { followEvents } from '../../../sdk/typescript/follow-events.ts';
import { present } from '../../../shared/assert.ts';
import { LocumError } from '../../../shared/errors.ts';
import {
  EventService,
  type WatchEventsRequest,
  WatchEventsRequestSchema,
  type WatchEventsResponse,
  WatchEventsResponseSchema,
} from '../../../shared/gen/locum/v1/event_service_pb.ts';
import { policyId } from '../../../shared/ids.ts';
import { toConnectError } from '../../../shared/rpc/status-details.ts';
import { anybodysCall } from '../../open-access.ts';
import { policies } from '../codec/arbitrary-records.ts';

const NAMES = ['quiet', 'noisy', 'other'] as const;
type Name = (typeof NAMES)[number];

const policy = (name: Name): Policy => {
  const sample = present(fc.sample(policies, { numRuns: 1, seed: 1 })[0], 'one was asked for');
  const spec = { ...sample.spec, requirements: [], retention: { endedRuns: 20, events: undefined } };
  return { ...sample, id: policyId(name), spec };
};

/** Leaders one after the other, with the records that outlive them. */
class Leaders {
  readonly #keep: number;
  #records = new Map<string, StateRecord>([['meta', newMeta(0)]]);
  #term = 0;
  #incarnation = 1;
  #leaderTerm!: { readonly state: ClusterState; readonly journal: Journal; readonly hub: WatchHub };
  /** Numbers of the events that became durable, by name. */
  durable: readonly { readonly name: Name; readonly number: number }[] = [];
  #saved: Pick<Leaders, 'durable'> & { readonly records: ReadonlyMap<string, StateRecord> };

  constructor(keep: number) {
    this.#keep = keep;
    for (const name of NAMES) this.#records.set(`policies/${name}`, policy(name));
    this.#saved = this.#copy();
    this.elect();
  }

  #copy() {
    return { records: structuredClone(this.#records), durable: this.durable };
  }

  save(): void {
    this.#saved = this.#copy();
  }

  /** Back to what was saved, as the next incarnation. */
  restore(): void {
    this.#records = structuredClone(this.#saved.records) as Map<string, StateRecord>;
    this.durable = this.#saved.durable;
    this.#incarnation += 1;
    this.elect();
  }

  /** A new leader, with what the store has: what the one before did not commit never was. */
  elect(): void {
    this.#term += 1;
    this.#leaderTerm?.hub.close(new LocumError('NOT_LEADER', 'over'));
    const elected = {
      kind: 'elected' as const,
      term: this.#term,
      clusterId: 'c',
      incarnation: this.#incarnation,
      firstOfIncarnation: false,
      records: [...this.#records.values()].map((record) => structuredClone(record)),
    };
    const options = { version: 'test', schedules: createScheduleReader(), verifyIntervalMs: 0, maxCommitsInFlight: 1 };
    const state = stateOf(
      { ...options, keep: { events: this.#keep, endedRuns: 100, requests: 100, audit: 100 } },
      elected,
      {
        mono: 0,
        wall: 0,
      },
    );
    this.#leaderTerm = {
      state,
      journal: new Journal(state),
      hub: new WatchHub({ revision: this.#term, incarnation: this.#incarnation }),
    };
  }

  append(name: Name): void {
    this.#leaderTerm.journal.event({ type: 'POLICY_UPDATED', cause: 'OPERATOR', message: '', policy: policyId(name) });
  }

  /** `counters`: only these become durable, and the rest is lost with the leader: a gap. */
  commit(what: 'all' | 'counters' = 'all'): void {
    const { journal, hub } = this.#leaderTerm;
    if (!journal.hasWrites) return;
    for (const write of journal.takeWrites()) {
      if (what === 'counters' && write.key !== 'meta') continue;
      if (write.kind === 'delete') this.#records.delete(write.key);
      else {
        this.#records.set(write.key, structuredClone(write.record));
        const { record } = write;
        const name = record.kind === 'event' ? NAMES.find((known) => known === record.policy) : undefined;
        if (record.kind === 'event' && name !== undefined)
          this.durable = [...this.durable, { name, number: record.number }];
      }
    }
    if (what === 'counters') this.elect();
    else hub.publish([]);
  }

  /** What an API handler sees of the leader of now: only what is durable. */
  readonly leaderTerm = () => {
    const { state, hub } = this.#leaderTerm;
    return {
      hub,
      read: async <T>(look: (state: ClusterState, now: { mono: number; wall: number }) => T): Promise<T> => {
        // As while the store is full: what is seen first is not durable, is thrown away, and looked at again.
        try {
          look(state, { mono: 0, wall: 0 });
        } catch {}
        if (hub === this.#leaderTerm.hub) this.commit();
        hub.take(hub.end, 0);
        return look(state, { mono: 0, wall: 0 });
      },
      call: () => Promise.reject(new Error('nothing is called here')),
      confirmTerm: async () => undefined,
    };
  };
}

/** A client's view of the service, whose streams break when told to. */
class Line {
  readonly #service: ReturnType<typeof eventService>;
  #cuts = 0;

  constructor(leaders: Leaders) {
    const api = { leaderTerm: leaders.leaderTerm, streams: new StreamCount(), bookmarkMs: 1 };
    this.#service = eventService(api as unknown as Parameters<typeof eventService>[0]);
  }

  cut(): void {
    this.#cuts += 1;
  }

  async *watchEvents(
    request: MessageInitShape<typeof WatchEventsRequestSchema>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<WatchEventsResponse> {
    const cuts = this.#cuts;
    const message: WatchEventsRequest = create(WatchEventsRequestSchema, request);
    const by = { method: EventService.method.watchEvents, values: anybodysCall() };
    const context = { ...by, signal: signal ?? new AbortController().signal } as unknown as HandlerContext;
    try {
      for await (const response of this.#service.watchEvents(message, context)) {
        if (cuts !== this.#cuts) throw new ConnectError('cut', Code.Unavailable);
        yield create(WatchEventsResponseSchema, response);
      }
    } catch (error) {
      throw error instanceof LocumError ? toConnectError(error) : error;
    }
  }
}

/** Far more than any follower needs; one that never comes to the end is then seen to have missed it. */
const MAX_TURNS = 50_000;

interface Followed {
  readonly numbers: number[];
  readonly gaps: { readonly after: number; readonly upTo: number }[];
  /** How often it was told of a restore. */
  restores: number;
}

type Step = { readonly kind: 'append'; readonly name: Name; readonly count: number } | { readonly kind: Deed };
type Deed = 'commit' | 'crash' | 'lose all but the counters' | 'cut' | 'look' | 'save' | 'restore';

async function follow(
  keep: number,
  about: Name | undefined,
  steps: readonly Step[],
): Promise<Followed & { leaders: Leaders }> {
  const leaders = new Leaders(keep);
  for (const name of NAMES) leaders.append(name);
  leaders.commit();
  const line = new Line(leaders);
  const over = new AbortController();
  const followed: Followed = { numbers: [], gaps: [], restores: 0 };
  const reading = (async () => {
    for await (const { event } of followEvents({
      client: line,
      about: about === undefined ? '' : `policies/${about}`,
      after: BigInt(NAMES.length),
      signal: over.signal,
      pause: async () => undefined,
      onGap: (after, upTo) => followed.gaps.push({ after: Number(after), upTo: Number(upTo) }),
      onRestored: (after) => {
        followed.restores += 1;
        const kept = followed.numbers.filter((number) => number <= after);
        followed.numbers.splice(0, followed.numbers.length, ...kept);
      },
    })) {
      if (event !== undefined) followed.numbers.push(Number(event.name.slice('events/'.length)));
    }
  })();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  for (const step of steps) {
    if (step.kind === 'append') for (let i = 0; i < step.count; i += 1) leaders.append(step.name);
    else if (step.kind === 'commit') leaders.commit();
    else if (step.kind === 'crash') leaders.elect();
    else if (step.kind === 'lose all but the counters') leaders.commit('counters');
    else if (step.kind === 'cut') line.cut();
    else if (step.kind === 'save') leaders.save();
    else if (step.kind === 'restore') leaders.restore();
    else for (let i = 0; i < 20; i += 1) await turn();
  }
  for (const name of NAMES) leaders.append(name);
  leaders.commit();
  const last = Math.max(
    ...leaders.durable.filter(({ name }) => about === undefined || name === about).map(({ number }) => number),
  );
  for (let turns = 0; followed.numbers.at(-1) !== last && turns < MAX_TURNS; turns += 1) await turn();
  over.abort();
  await reading;
  return { ...followed, leaders };
}

const deed = (kind: Deed) => fc.constant({ kind });
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        name: fc.constantFrom(...NAMES),
        count: fc.integer({ min: 1, max: 60 }),
      }),
    },
    { weight: 3, arbitrary: deed('commit') },
    { weight: 3, arbitrary: deed('look') },
    { weight: 1, arbitrary: deed('crash') },
    { weight: 1, arbitrary: deed('lose all but the counters') },
    { weight: 2, arbitrary: deed('cut') },
  ),
  { maxLength: 25 },
);
const restores = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: steps },
    { weight: 2, arbitrary: fc.constant<Step[]>([{ kind: 'save' }]) },
    { weight: 3, arbitrary: fc.constant<Step[]>([{ kind: 'restore' }]) },
  ),
  { maxLength: 10 },
);
const about = fc.constantFrom(...NAMES, undefined);

describe('followers of the event log', () => {
  it('see each event once and in order, over cuts, crashes and gaps in the numbers, when nothing is dropped (property)', async () => {
    await fc.assert(
      fc.asyncProperty(about, steps, async (name, played) => {
        const { numbers, gaps, leaders } = await follow(100_000, name, played);
        const expected = leaders.durable.filter(
          (event) => event.number > NAMES.length && (name === undefined || event.name === name),
        );
        expect(numbers).toEqual(expected.map(({ number }) => number).sort((a, b) => a - b));
        expect(gaps).toEqual([]);
      }),
      { seed: 3, numRuns: 60, endOnFailure: true },
    );
  });

  it('are told of what was dropped before they read it, and see all the rest once and in order (property)', async () => {
    await fc.assert(
      fc.asyncProperty(about, steps, async (name, played) => {
        const { numbers, gaps, leaders } = await follow(100, name, played);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        const seen = new Set(numbers);
        for (const { name: of, number } of leaders.durable) {
          if (number <= NAMES.length || seen.has(number) || (name !== undefined && of !== name)) continue;
          expect(
            gaps.some(({ after, upTo }) => after < number && number <= upTo),
            `event ${number} was left out`,
          ).toBe(true);
        }
      }),
      { seed: 4, numRuns: 60, endOnFailure: true },
    );
  });

  it('are told of a restore, and have what the restored store has and nothing else, each once (property)', async () => {
    await fc.assert(
      fc.asyncProperty(about, restores, async (name, played) => {
        const { numbers, gaps, leaders } = await follow(100_000, name, played.flat());
        const expected = leaders.durable.filter(
          (event) => event.number > NAMES.length && (name === undefined || event.name === name),
        );
        expect(numbers).toEqual(expected.map(({ number }) => number).sort((a, b) => a - b));
        expect(gaps).toEqual([]);
      }),
      { seed: 5, numRuns: 60, endOnFailure: true },
    );
  });

  it('that come back when a restored store has as many events again as before are told of the restore', async () => {
    const look: Step = { kind: 'look' };
    const append = (count: number): Step => ({ kind: 'append', name: 'noisy', count });
    const commit: Step = { kind: 'commit' };
    const undone: Step[] = [{ kind: 'save' }, append(20), commit, look];
    const instead: Step[] = [{ kind: 'restore' }, append(40), commit, { kind: 'cut' }];
    expect((await follow(100_000, 'noisy', [...undone, ...instead])).restores).toBe(1);
    // It had seen nothing of what was undone: for it nothing happened.
    const unseen: Step[] = [append(20), commit, look, { kind: 'save' }, { kind: 'restore' }, append(40), commit];
    expect((await follow(100_000, 'noisy', unseen)).restores).toBe(0);
  });

  it('of a quiet policy are told of nothing, whatever a noisy one does', async () => {
    const noise: Step[] = Array.from({ length: 40 }, () => ({ kind: 'append', name: 'noisy', count: 60 }));
    const { gaps } = await follow(
      100,
      'quiet',
      noise.flatMap((step) => [step, { kind: 'cut' }, { kind: 'look' }]),
    );
    expect(gaps).toEqual([]);
  });
});
