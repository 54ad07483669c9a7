import { describe, expect, it } from 'vitest';
import type { CheckOutcome } from '../../../agent/core/health.ts';
import { epoch } from '../../../shared/ids.ts';
import type { HealthCheck } from '../../../shared/protocol/health-check.ts';
import { RUN, VirtualAgent } from './virtual-agent.ts';

const CHECK: HealthCheck = {
  probe: { kind: 'tcp', host: '127.0.0.1', port: 80 },
  ...{ intervalMs: 10_000, timeoutMs: 5_000, graceMs: 30_000, failures: 3 },
};
const OK: CheckOutcome = { kind: 'SUCCEEDED' };
const BAD: CheckOutcome = { kind: 'FAILED', detail: 'connection refused' };
const NONE: CheckOutcome = { kind: 'UNKNOWN' };

class CheckedAgent extends VirtualAgent {
  answer(outcome: CheckOutcome): void {
    this.handle({ kind: 'checked', attempt: { run: RUN, epoch: epoch(7) }, outcome });
  }

  /** Answers each check at once, for as long as there are answers, and lets the interval pass after each. */
  answers(...outcomes: readonly CheckOutcome[]): void {
    for (const outcome of outcomes) {
      this.answer(outcome);
      this.live(CHECK.intervalMs);
    }
  }

  get checks(): number {
    return this.ofKind('check').length;
  }

  /** What was reported of its health, in order. */
  get told(): readonly string[] {
    const reported = this.said('report').flatMap(({ attempts }) => attempts.map(({ health }) => health?.state ?? ''));
    return reported.filter((state, index) => state !== '' && state !== reported[index - 1]);
  }
}

function checked(change: Partial<HealthCheck> = {}): CheckedAgent {
  const agent = new CheckedAgent();
  agent.join();
  agent.start({ healthCheck: { ...CHECK, ...change } });
  return agent;
}

describe('a health check', () => {
  it('begins when the program runs, and again an interval after each end, never beside itself', () => {
    const agent = checked();
    expect(agent.checks).toBe(1);
    agent.live(60_000);
    expect(agent.checks).toBe(1);
    agent.answer(OK);
    agent.live(9_900);
    expect(agent.checks).toBe(1);
    agent.live(200);
    expect(agent.checks).toBe(2);
  });

  it('is not made for an attempt whose policy has none', () => {
    const agent = new CheckedAgent();
    agent.join();
    agent.start();
    agent.live(60_000);
    expect(agent.checks).toBe(0);
  });

  it('makes the run unhealthy only with so many failures in a row, and one success makes it healthy again', () => {
    const agent = checked({ graceMs: 0 });
    agent.answers(OK, BAD, BAD, OK, BAD, BAD);
    expect(agent.told).toEqual(['HEALTHY']);
    agent.answers(BAD);
    expect(agent.told).toEqual(['HEALTHY', 'UNHEALTHY']);
    agent.answers(BAD, BAD, OK);
    expect(agent.told).toEqual(['HEALTHY', 'UNHEALTHY', 'HEALTHY']);
  });

  it('may fail while the program comes up; the grace is over with the first success', () => {
    const agent = checked();
    agent.answers(BAD, BAD, BAD);
    expect(agent.told).toEqual([]);
    agent.answers(BAD, BAD);
    expect(agent.told).toEqual([]);
    agent.answers(BAD);
    expect(agent.told).toEqual(['UNHEALTHY']);

    const quick = checked({ graceMs: 600_000 });
    quick.answers(OK, BAD, BAD, BAD);
    expect(quick.told).toEqual(['HEALTHY', 'UNHEALTHY']);
  });

  it('that could not be made says nothing, and is made again', () => {
    const agent = checked({ graceMs: 0, failures: 1 });
    agent.answers(NONE, NONE);
    expect(agent.told).toEqual([]);
    expect(agent.checks).toBe(3);
  });

  it('is not begun for what is being stopped, and an answer that comes then is not told', () => {
    const agent = checked({ graceMs: 0, failures: 1 });
    agent.stop();
    agent.answer(BAD);
    agent.live(30_000);
    expect(agent.checks).toBe(1);
    expect(agent.told).toEqual([]);
  });

  it('goes on while no leader can be reached, and the next Hello tells what was found', () => {
    const agent = checked({ graceMs: 0, failures: 1 });
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'cut' });
    agent.answer(BAD);
    agent.advance(1_000);
    agent.connect();
    expect(agent.said('hello').at(-1)?.attempts).toMatchObject([
      { run: RUN, health: { state: 'UNHEALTHY', detail: 'connection refused' } },
    ]);
  });

  it('stops nothing by itself', () => {
    const agent = checked({ graceMs: 0, failures: 1 });
    agent.answers(BAD, BAD, BAD, BAD);
    expect(agent.stops).toEqual([]);
  });
});

describe('an agent that was restarted', () => {
  it('checks what it adopts at once', () => {
    const before = checked();
    const agent = new CheckedAgent();
    for (const [key, kept] of before.keeper.table) agent.keeper.table.set(key, kept);
    agent.join([{ run: RUN, epoch: epoch(7), action: 'KEEP', reason: '' }]);
    expect(agent.checks).toBe(1);
  });
});
