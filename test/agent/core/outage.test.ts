import { describe, expect, it } from 'vitest';
import { outageToleratedMs, SETTINGS } from '../../../scripts/dial-table.ts';
import { epoch } from '../../../shared/ids.ts';
import { RUN, TERMS, VirtualAgent } from './virtual-agent.ts';

const STEP_MS = 20;
/** Long before the end of an outage nothing depends on when exactly a dial fails. */
const LONG_STEP_MS = 200;
const LONG_BEFORE_MS = 5_000;
/** Hello, check of the term and Welcome; part of what the table of docs/guarantees.md allows for coming back. */
const WELCOME_MS = 400;
const SEEDS = 25;

type Away = 'refuses' | 'hangs';

/**
 * The controller is gone from the moment at which a heartbeat left that it did not answer any more, for `lengthMs`: its port refuses,
 * or its whole host is silent. Answers with what the agent stopped, until it has its Welcome.
 */
function stopsIn(lengthMs: number, away: Away, { timers }: (typeof SETTINGS)[number], seed: number): readonly string[] {
  const agent = new VirtualAgent({ seed, endpoints: ['a:1'] }).begin();
  agent.connect();
  agent.welcome({ timers });
  agent.start({ terms: { ...TERMS, leaseMs: timers.leaseMs } });
  agent.live(30_000);
  for (const before = agent.lastSequence; agent.lastSequence === before; ) agent.advance(STEP_MS);
  agent.clear();

  const backAtMono = agent.now.mono + lengthMs;
  let seen = agent.effects.length;
  let due: { readonly atMono: number; readonly answer: () => void } | undefined;
  if (away === 'refuses') agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
  while (agent.now.mono < backAtMono + 5_000 && !isStopping(agent)) {
    agent.advance(agent.now.mono < backAtMono - LONG_BEFORE_MS ? LONG_STEP_MS : STEP_MS);
    if (due !== undefined && agent.now.mono >= due.atMono) {
      due.answer();
      due = undefined;
    }
    const dial = agent.effects.slice(seen).find((effect) => effect.kind === 'dial');
    seen = agent.effects.length;
    if (dial === undefined) continue;
    if (agent.now.mono >= backAtMono) {
      agent.handle({ kind: 'connected', stream: dial.stream });
      agent.advance(WELCOME_MS);
      agent.welcome({ timers, verdicts: [{ run: RUN, epoch: epoch(7), action: 'KEEP', reason: '' }] });
      break;
    }
    const closed = (): void => agent.handle({ kind: 'closed', stream: dial.stream, reason: 'no answer' });
    due = { atMono: agent.now.mono + (away === 'refuses' ? 0 : dial.limitMs), answer: closed };
  }
  return agent.stops;
}

const isStopping = ({ state }: VirtualAgent): boolean =>
  [...state.attempts.values()].some(({ stop }) => stop !== undefined);

describe('an outage of the only controller', () => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1);
  const cases = SETTINGS.flatMap((setting) =>
    (['refuses', 'hangs'] as const).map((away) => ({ ...setting, setting, away })),
  );

  it.each(cases)('that docs/guarantees.md calls harmless stops nothing: $aim ($away)', ({ setting, away }) => {
    const lengthMs = outageToleratedMs(setting.timers);
    expect(seeds.flatMap((seed) => stopsIn(lengthMs, away, setting, seed))).toEqual([]);
  });

  it.each(cases)('that is longer than the lease stops everything: $aim ($away)', ({ setting, away }) => {
    const stops = seeds.flatMap((seed) => stopsIn(setting.timers.leaseMs, away, setting, seed));
    expect(stops).toEqual(seeds.map(() => 'import-1@7 LAPSED'));
  });
});
