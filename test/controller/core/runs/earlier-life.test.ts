import { describe, expect, it } from 'vitest';
import { create, SILENT } from '../../../../controller/core/cluster/change.ts';
import type { Session, Waiting } from '../../../../controller/core/cluster/session.ts';
import type { Policy } from '../../../../controller/core/records/state.ts';
import {
  earlierLifeOf,
  expectEarlierLife,
  noteEarlierLife,
  noteEnded,
  settleEarlierLife,
} from '../../../../controller/core/runs/earlier-life.ts';
import { LIMITS } from '../../../../shared/limits.ts';
import type { ReportedAttempt } from '../../../../shared/protocol/attempt.ts';
import { aPool, aServer, newTurn } from '../world/records.ts';

/** A server in the second life of a store, and what its agent is asked for. */
function restored() {
  const ctx = newTurn();
  const { state } = ctx;
  state.incarnation = 2;
  const server = expectEarlierLife(state, aServer('web-1', { instanceId: 'i', machineId: 'm', settledIncarnation: 0 }));
  for (const record of [aPool(), server]) create(ctx, record, SILENT);
  const control: Waiting[] = [];
  const sessionOf = (instanceId: string): Session =>
    ({
      server: 'web-1',
      instanceId,
      machineId: 'm',
      phase: 'OPEN',
      fullStateAsked: false,
      control,
    }) as unknown as Session;
  return { server, state, ctx, sessionOf, asked: () => control.map(({ command }) => command.kind) };
}

const attempt = (i: number, state = 'RUNNING'): ReportedAttempt =>
  ({ run: `p-${i}-1`, epoch: i + 1, policy: `p-${i}`, state }) as unknown as ReportedAttempt;
const attempts = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => attempt(from + i));
const policy = (id: string): Policy =>
  ({ id, spec: { pool: 'default', servers: [], onDisconnect: 'STOP' } }) as unknown as Policy;
const LIVING = LIMITS.earlierAttempts + 5;

describe('more attempts of before a restore than a record has room for', () => {
  it('hold up every policy until the rest was listed and has ended, and that is asked for', () => {
    const { server, state, ctx, sessionOf, asked } = restored();
    const session = sessionOf('i');
    noteEarlierLife(ctx, session, attempts(0, LIVING));
    expect(server.earlierLife?.attempts.length).toBe(LIMITS.earlierAttempts);
    expect(earlierLifeOf(state, policy('p-0'))).toContain('until epoch 1 ');
    // Those that are not listed, and those that never ran there, for nobody knows.
    expect(earlierLifeOf(state, policy(`p-${LIVING - 1}`))).toContain('can be listed');
    expect(earlierLifeOf(state, policy('other'))).toContain('can be listed');
    for (let i = 0; i < LIMITS.earlierAttempts; i += 1) {
      expect(asked()).toEqual([]);
      noteEnded(ctx, session, attempt(i, 'ENDED'));
      settleEarlierLife(ctx, session);
    }
    expect(asked()).toEqual(['plain']);
    expect(state.unsettled.size).toBe(1);
    noteEarlierLife(ctx, session, attempts(LIMITS.earlierAttempts, LIVING));
    expect(earlierLifeOf(state, policy('other'))).toBeUndefined();
    expect(earlierLifeOf(state, policy(`p-${LIVING - 1}`))).toContain(`until epoch ${LIVING} `);
    for (let i = LIMITS.earlierAttempts; i < LIVING; i += 1) noteEnded(ctx, session, attempt(i, 'ENDED'));
    settleEarlierLife(ctx, session);
    expect(state.unsettled.size).toBe(0);
  });

  it('are not cleared by the word of another place, and of many places only an operator can say that nothing is left', () => {
    const { server, state, ctx, sessionOf } = restored();
    noteEarlierLife(ctx, sessionOf('i'), attempts(0, LIVING));
    noteEarlierLife(ctx, sessionOf('other'), []);
    expect(server.earlierLife?.moreIn).toBe('i');
    noteEarlierLife(ctx, sessionOf('other'), attempts(5_000, 5_010));
    expect(server.earlierLife?.attempts.length).toBe(LIMITS.earlierAttempts);
    for (const place of ['i', 'other']) noteEarlierLife(ctx, sessionOf(place), []);
    settleEarlierLife(ctx, sessionOf('i'));
    expect(server.earlierLife).toMatchObject({ attempts: [], moreIn: '' });
    expect(earlierLifeOf(state, policy('other'))).toContain('can be listed');
  });
});
