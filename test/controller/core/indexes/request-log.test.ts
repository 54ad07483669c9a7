import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_KEEP } from '../../../../controller/core/cluster/cluster.ts';
import type { Effect } from '../../../../controller/core/cluster/effect.ts';
import { RequestLog } from '../../../../controller/core/indexes/request-log.ts';
import { REQUESTS_KEPT_MS } from '../../../../controller/core/runs/retention.ts';
import { policyId } from '../../../../shared/ids.ts';
import { MINUTE, SECOND } from '../../../../shared/time.ts';
import { specOf } from '../../../scenarios/policy-notation.ts';
import { wordsOf } from '../../../scenarios/words.ts';
import { ModelWorld } from '../world/model-world.ts';

const recordOf = (client: string, id: string, age: number) =>
  ({ kind: 'request', id, client, age, fingerprint: '', resource: '' }) as const;

describe('the room for the outcomes of requests', () => {
  it('is shared evenly by those who take it at the same time, and as much as each has is left for one more', () => {
    for (const clients of [1, 2, 5, 9]) {
      const log = new RequestLog(600);
      for (let i = 0; i < 1_000; i += 1) {
        for (let client = 0; client < clients; client += 1) {
          if (log.hasRoomFor(`c${client}`)) log.add(recordOf(`c${client}`, `r${client}-${i}`, 0));
        }
      }
      const free = 600 - log.size;
      expect(Math.abs(free - 600 / (clients + 1))).toBeLessThan(clients);
      expect(log.hasRoomFor('one more')).toBe(true);
    }
  });

  it('gives everybody as many places as are free, forgets what is old and nothing else, and never has more than fit', () => {
    const calls = fc.array(fc.record({ client: fc.integer({ min: 0, max: 9 }), passMs: fc.nat(3) }), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(calls, (made) => {
        const log = new RequestLog(60);
        const kept: { client: string; id: string; age: number }[] = [];
        let age = 0;
        for (const [index, { client: number, passMs }] of made.entries()) {
          age += passMs;
          const client = `c${number}`;
          const gone = kept.filter((one) => one.age <= age - 100).map(({ id }) => id);
          expect(log.forgetUpTo(age - 100)).toEqual(gone);
          kept.splice(0, gone.length);
          const own = kept.filter((one) => one.client === client).length;
          const hasRoom = own < 60 - kept.length;
          expect(log.hasRoomFor(client)).toBe(hasRoom);
          if (!hasRoom) continue;
          const record = recordOf(client, `r${index}`, age);
          log.add(record);
          kept.push(record);
          expect(log.size).toBeLessThanOrEqual(60);
          expect([...log.values()].map(({ id }) => id)).toEqual(kept.map(({ id }) => id));
        }
      }),
    );
  });
});

describe('a client that makes more calls than can be remembered', () => {
  const start = { kind: 'start_policy', policy: policyId('work'), arguments: [] } as const;

  function world() {
    const refused: string[] = [];
    const onEffect = (effect: Effect): void => {
      if (effect.kind === 'reply' && !effect.result.ok) refused.push(effect.result.error.reason);
    };
    const made = new ModelWorld({ onEffect, keep: { ...DEFAULT_KEEP, requests: 20 } });
    made.elect();
    made.advanceTo(SECOND);
    const spec = specOf(wordsOf('on_demand'));
    made.call({ kind: 'create_policy', policy: policyId('work'), spec: { ...spec, maxConcurrentRuns: 100 } });
    made.advanceTo(2 * SECOND);
    const call = (requestId: string, actor: string): string | undefined => {
      refused.length = 0;
      made.call(start, { requestId, actor });
      made.advanceTo(made.now.mono + SECOND);
      return refused[0];
    };
    return { made, call, runs: () => made.state.runs.size };
  }

  it('is refused, and what it has been answered is still done once, and so is that of others', () => {
    const { made, call, runs } = world();
    const answers = Array.from({ length: 15 }, (_, i) => call(`noisy-${i}`, 'operator:noisy'));
    expect(answers).toEqual([...Array<undefined>(10).fill(undefined), ...Array<string>(5).fill('TOO_MANY_REQUESTS')]);
    expect(call('other', 'operator:other')).toBeUndefined();
    expect(runs()).toBe(11);
    for (const round of ['the same leader', 'the next one']) {
      for (let i = 0; i < 10; i += 1) expect([round, call(`noisy-${i}`, 'operator:noisy')]).toEqual([round, undefined]);
      expect([round, call('other', 'operator:other'), runs()]).toEqual([round, undefined, 11]);
      expect([round, call('noisy-10', 'operator:noisy')]).toEqual([round, 'TOO_MANY_REQUESTS']);
      made.crash();
      made.elect();
      made.advanceTo(made.now.mono + SECOND);
    }
  });

  it('has room again when the hour of its oldest calls is over', () => {
    const { made, call } = world();
    for (let i = 0; i < 11; i += 1) call(`noisy-${i}`, 'operator:noisy');
    expect(call('late', 'operator:noisy')).toBe('TOO_MANY_REQUESTS');
    made.advanceTo(made.now.mono + REQUESTS_KEPT_MS + MINUTE);
    expect(call('late', 'operator:noisy')).toBeUndefined();
  });
});
