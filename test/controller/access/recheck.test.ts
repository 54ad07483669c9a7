import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { checked } from '../../../controller/access/recheck.ts';
import { LocumError } from '../../../shared/errors.ts';
import { collectedMemory } from '../../collected-memory.ts';
import { eventually } from '../controller-world.ts';
import { type AccessWorld, inAccessWorld } from './access-world.ts';

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
  collectedMemory();
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

interface Trickle {
  readonly request: ClientRequest;
  /** The answer as text. */
  readonly answer: Promise<string>;
}

/** A request whose headers are sent, and let in: its token counts as used then. Its body is still to come. */
async function letIn({ world, admin }: AccessWorld, path: string, token: string, type: string): Promise<Trickle> {
  const [host = '', port = ''] = world.controller.apiAddress.split(':');
  const headers = { authorization: `Bearer ${token}`, 'content-type': type, 'connect-protocol-version': '1' };
  const request = httpRequest({ host, port, path, method: 'POST', headers });
  request.flushHeaders();
  const answer = once(request, 'response').then(async ([response]: IncomingMessage[]) => {
    const chunks: Buffer[] = [];
    for await (const chunk of response ?? []) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  });
  const isUsed = async () => {
    const { tokens } = await admin.access.listTokens({});
    return tokens.some(({ lastUseTime }) => lastUseTime !== undefined) ? true : undefined;
  };
  await eventually(isUsed);
  return { request, answer };
}

const enveloped = (text: string): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
};

it(
  'a body that trickles in is judged by what its sender has when it is all there',
  inAccessWorld(async (access) => {
    const { admin, token } = access;
    const { name, secret } = await token({ role: 'operator' });
    const pause = '/locum.v1.PolicyService/PausePolicy';
    const { request, answer } = await letIn(access, pause, secret, 'application/json');
    request.write('{"name": "policies/');
    await admin.access.revokeToken({ name });
    request.end('job-edge"}');
    expect(await answer).toContain('TOKEN_INVALID');
    const { policy } = await admin.policies.getPolicy({ name: 'policies/job-edge' });
    expect(policy?.paused).toBe(false);
  }),
  20_000,
);

it(
  'so is the request that opens a stream',
  inAccessWorld(async (access) => {
    const { admin, token } = access;
    const { name, secret } = await token({ role: 'viewer' });
    const watch = '/locum.v1.PolicyService/WatchPolicies';
    const { request, answer } = await letIn(access, watch, secret, 'application/connect+json');
    const message = enveloped('{}');
    request.write(message.subarray(0, 3));
    await admin.access.revokeToken({ name });
    request.end(message.subarray(3));
    const text = await answer;
    expect(text).toContain('TOKEN_INVALID');
    expect(text).not.toContain('job-edge');
  }),
  20_000,
);
