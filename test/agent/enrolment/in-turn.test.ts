import { describe, expect, it } from 'vitest';
import { inTurn } from '../../../agent/enrolment/in-turn.ts';
import { LocumError } from '../../../shared/errors.ts';

const busy = new LocumError('OVERLOADED', 'many servers join', { retryAfterMs: 1_500 });
const refused = new LocumError('JOIN_TOKEN_USED', 'it was used');

/** Asks somebody who answers so, one after the other; what came of it, and how long it waited each time. */
async function ask(answers: readonly (string | LocumError)[]) {
  const [left, waitsMs]: [(string | LocumError)[], number[]] = [[...answers], []];
  const asking = inTurn(
    async () => {
      const answer = left.shift() ?? 'asked too often';
      if (typeof answer === 'string') return answer;
      throw answer;
    },
    async (ms) => void waitsMs.push(ms),
  );
  return { came: await asking.catch((error: LocumError) => error.reason), waitsMs };
}

describe('a host that wants to join', () => {
  it('comes again when it was told to, and has what it came for', async () => {
    expect(await ask([busy, busy, 'a certificate'])).toEqual({ came: 'a certificate', waitsMs: [1_500, 1_500] });
  });

  it('does not ask again for what it will not get', async () => {
    expect(await ask([refused, 'a certificate'])).toEqual({ came: 'JOIN_TOKEN_USED', waitsMs: [] });
  });

  it('gives up in the end, and says why', async () => {
    const { came, waitsMs } = await ask(Array<LocumError>(9).fill(busy));
    expect(came).toBe('OVERLOADED');
    expect(waitsMs).toHaveLength(4);
  });
});
