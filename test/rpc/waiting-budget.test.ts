import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LocumError } from '../../shared/errors.ts';
import { type Holding, WaitingBudget } from '../../shared/rpc/waiting-budget.ts';

function world() {
  let now = 0;
  const ended: string[] = [];
  const budget = new WaitingBudget({ limitBytes: 1_000, callBytes: 10, patienceMs: 100, mono: () => now });
  const open = (peer: string, name = peer): Holding => budget.open(peer, () => ended.push(name));
  const pass = (ms: number): void => {
    now += ms;
  };
  return { budget, ended, open, pass };
}

const OVERLOADED = expect.objectContaining({ reason: 'OVERLOADED', retryAfterMs: 1_000 });

describe('the budget for what waits', () => {
  it('gives half to one peer, and leaves room for those that come after', () => {
    const { budget, open } = world();
    open('flood').hold(500);
    expect(() => open('flood')).toThrow(OVERLOADED);
    open('other').hold(250);
    open('third').hold(125);
    expect(budget.heldBytes).toBe(875);
  });

  it('counts each call, however little it holds', () => {
    const { open } = world();
    for (let i = 0; i < 50; i += 1) open('flood');
    expect(() => open('flood')).toThrow(OVERLOADED);
  });

  it('ends the call that has waited longest for its client, once its patience is over', () => {
    const { ended, open, pass } = world();
    open('a', 'first').hold(200);
    pass(1);
    open('a', 'second').hold(300);
    pass(98);
    expect(() => open('a', 'third')).toThrow(OVERLOADED);
    pass(1);
    open('a', 'third').hold(200);
    expect(ended).toEqual(['first']);
  });

  it('ends none that waits for us, and none that reads on', () => {
    const { ended, open, pass } = world();
    const asked = open('a', 'asked');
    asked.hold(250);
    asked.ours(250);
    const reader = open('a', 'reader');
    reader.hold(250);
    pass(200);
    reader.ours(0);
    reader.hold(250);
    expect(() => open('a')).toThrow(OVERLOADED);
    expect(ended).toEqual([]);
  });

  it('takes nothing from a peer that holds less', () => {
    const { ended, open, pass } = world();
    open('small', 'small').hold(100);
    pass(200);
    open('large', 'large').hold(450);
    expect(() => open('large')).toThrow(OVERLOADED);
    expect(ended).toEqual([]);
  });

  it('refuses a call that would have to make room for itself', () => {
    const { budget, ended, open, pass } = world();
    const call = open('a', 'itself');
    call.hold(400);
    pass(200);
    expect(() => call.hold(600)).toThrow(OVERLOADED);
    expect(ended).toEqual(['itself']);
    call.hold(600);
    call.close();
    expect(budget.heldBytes).toBe(0);
  });

  it('never holds more than its limit, and nothing once all calls are over', () => {
    const step = fc.record({
      call: fc.nat(9),
      peer: fc.constantFrom('a', 'b', 'c'),
      what: fc.constantFrom('hold', 'hold', 'ours', 'close'),
      bytes: fc.nat(600),
      ms: fc.nat(80),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { budget, open, pass } = world();
        const calls = new Map<number, Holding>();
        for (const { call, peer, what, bytes, ms } of steps) {
          pass(ms);
          try {
            const held = calls.get(call) ?? open(peer);
            calls.set(call, held);
            held[what](bytes);
          } catch (error) {
            if (!(error instanceof LocumError)) throw error;
          }
          if (what === 'close') calls.delete(call);
          const sum = ['a', 'b', 'c'].reduce((total, one) => total + budget.ofPeer(one), 0);
          expect(sum).toBe(budget.heldBytes);
          expect(budget.heldBytes).toBeLessThanOrEqual(1_000);
        }
        for (const held of calls.values()) held.close();
        expect(budget.heldBytes).toBe(0);
      }),
    );
  });
});
