import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerTimeoutMs, startMarginMs } from '../../../agent/core/clock.ts';
import { isSpent, spend } from '../../../agent/core/spent.ts';
import { epoch, runId } from '../../../shared/ids.ts';
import { deadlineAfter, elapsedMs, isPast, laterDeadline, leftMs } from '../../../shared/lease-clock.ts';
import { RUN, TERMS, VirtualAgent } from './virtual-agent.ts';

const time = fc.integer({ min: 0, max: 10_000_000 });
const reading = fc.record({ mono: time, boot: time });
const span = fc.integer({ min: 0, max: 1_000_000 });

describe('two clocks', () => {
  it('a deadline is past exactly when either clock has counted the span', () => {
    fc.assert(
      fc.property(reading, reading, span, (from, now, spanMs) => {
        const past = now.mono - from.mono >= spanMs || now.boot - from.boot >= spanMs;
        expect(isPast(deadlineAfter(from, spanMs), now)).toBe(past);
        expect(elapsedMs(from, now) >= spanMs).toBe(past);
        expect(leftMs(deadlineAfter(from, spanMs), now) <= 0).toBe(past);
      }),
      { numRuns: 300 },
    );
  });

  it('the later of two deadlines is past only when both are, where neither clock is ahead for one and behind for the other', () => {
    fc.assert(
      fc.property(reading, span, span, reading, (from, a, b, now) => {
        const [one, two] = [deadlineAfter(from, a), deadlineAfter(from, b)];
        expect(isPast(laterDeadline(one, two), now)).toBe(isPast(one, now) && isPast(two, now));
        expect(laterDeadline(one, two)).toEqual(laterDeadline(two, one));
      }),
      { numRuns: 300 },
    );
  });

  it('the margins leave room: a start keeps a tenth of its lease at least, and an unanswered heartbeat four fifths', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_600_000 }), (leaseMs) => {
        expect(startMarginMs(leaseMs)).toBeLessThanOrEqual(Math.min(1_000, leaseMs / 10));
        expect(startMarginMs(leaseMs)).toBeGreaterThan(0);
        expect(answerTimeoutMs(leaseMs)).toBeLessThanOrEqual(Math.min(4_000, leaseMs / 5));
      }),
      { numRuns: 300 },
    );
  });
});

type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'pause'; readonly ms: number }
  /** Grants the heartbeat this many before the newest. */
  | { readonly kind: 'grant'; readonly back: number }
  | { readonly kind: 'wrong generation' }
  | { readonly kind: 'writable'; readonly writable: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 7_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: fc.integer({ min: 1, max: 15_000 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('grant' as const), back: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wrong generation' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('writable' as const), writable: fc.boolean() }) },
);

/** What A2 says, in a few lines: the deadline moves only by a grant that is handled before it, to that heartbeat's send time + L. */
class Oracle {
  deadline: number;

  constructor(helloAt: number) {
    this.deadline = helloAt + TERMS.leaseMs;
  }

  grant(sentAt: number | undefined, now: number): void {
    if (now < this.deadline && sentAt !== undefined) this.deadline = Math.max(this.deadline, sentAt + TERMS.leaseMs);
  }
}

describe('leases under any schedule of heartbeats, grants, pauses and full streams', () => {
  it('an attempt runs exactly until its last grant ends: never longer, and never a moment less than it was granted', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, seed) => {
        const agent = new VirtualAgent({ seed }).join();
        agent.start();
        const oracle = new Oracle(agent.now.mono);
        for (const action of steps) {
          if (agent.state.session === undefined) break;
          perform(agent, oracle, action);
          const stopped = agent.stops.length > 0;
          // Between two events of the core nothing is known; the look after a pause comes with the next event.
          if (action.kind === 'pause') agent.handle({ kind: 'tick' });
          expect(agent.stops.length > 0 || stopped).toBe(agent.now.mono >= oracle.deadline);
          if (agent.now.mono >= oracle.deadline) break;
          expect(agent.keeper.deadlineOf(RUN).mono).toBe(oracle.deadline);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function perform(agent: VirtualAgent, oracle: Oracle, action: Step): void {
  switch (action.kind) {
    case 'wait':
      agent.advance(action.ms);
      break;
    case 'pause':
      agent.pass(action.ms);
      break;
    case 'grant': {
      const sequence = Math.max(0, agent.lastSequence - action.back);
      oracle.grant(agent.sendTime(sequence), agent.now.mono);
      agent.grant({ sequence });
      break;
    }
    case 'wrong generation':
      agent.grant({ generation: 77 });
      break;
    case 'writable':
      agent.handle({ kind: 'writable', stream: agent.stream, writable: action.writable });
      break;
  }
}

describe('starts under any order', () => {
  it('the epochs of a run that start here strictly increase, whatever arrives, in which order, how often and how late', () => {
    const command = fc.record({
      run: fc.nat(2),
      epoch: fc.integer({ min: 1, max: 12 }),
      stop: fc.boolean(),
      waitMs: fc.nat(9_000),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const agent = new VirtualAgent({ maxSlots: 2 }).join();
        for (const { run, epoch: n, stop, waitMs } of commands) {
          agent.live(waitMs % 3_000);
          agent.pass(waitMs);
          const id = runId(`run-${run}`);
          if (stop) {
            agent.stop(id, epoch(n));
            if (agent.keeper.table.has(id)) agent.handle(agent.keeper.end(id));
          } else agent.start({ run: id, epoch: epoch(n) });
        }
        for (const run of [0, 1, 2].map((i) => runId(`run-${i}`))) {
          const epochs = agent.keeper
            .asks('start')
            .filter(({ command: c }) => c.run === run)
            .map(({ command: c }) => c.epoch);
          expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('an epoch that is spent stays spent, also when its run was dropped from the bounded table', () => {
    const spent = { runs: new Map(), floor: 0 };
    for (let i = 1; i <= 10_050; i += 1) spend(spent, runId(`run-${i}`), epoch(i), 'REFUSED');
    expect(spent.runs.size).toBe(10_000);
    expect(isSpent(spent, runId('run-1'), epoch(1))).toBe(true);
    expect(isSpent(spent, runId('run-1'), epoch(10_051))).toBe(false);
    expect(isSpent(spent, runId('run-10050'), epoch(10_050))).toBe(true);
  });
});
