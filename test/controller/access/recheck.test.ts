import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { checked } from '../../../controller/access/stream-recheck.ts';
import { LocumError } from '../../../shared/errors.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('a stream that lasts keeps nothing of what it has sent', async () => {
  const sent: WeakRef<object>[] = [];
  const messages = async function* () {
    for (let i = 0; i < 50; i += 1) {
      const message = { data: Buffer.alloc(1_024) };
      sent.push(new WeakRef(message));
      yield message;
      await sleep(0);
    }
    await sleep(50);
    yield { data: Buffer.alloc(0) };
  };
  const stream = checked(messages(), () => undefined, 10_000);
  for (let i = 0; i < 50; i += 1) await stream.next();
  await sleep(0);
  collectGarbage();
  const kept = sent.filter((one) => one.deref() !== undefined).length;
  expect(kept).toBeLessThan(5);
  await stream.return(undefined);
});

it('a stream ends with the refusal, though nothing is sent, and asks for no further message', async () => {
  let ended = false;
  const messages = async function* (): AsyncGenerator<number> {
    try {
      yield 1;
      await sleep(60_000, undefined, { ref: false });
      yield 2;
    } finally {
      ended = true;
    }
  };
  const refuse = (): never => {
    throw new LocumError('TOKEN_INVALID', 'revoked');
  };
  const stream = checked(messages(), refuse, 20);
  expect(await stream.next()).toEqual({ done: false, value: 1 });
  await expect(stream.next()).rejects.toThrow('revoked');
  expect(ended).toBe(false);
});
