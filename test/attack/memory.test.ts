import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MIB } from '../../shared/limits.ts';
import { collectedMemory } from '../collected-memory.ts';
import { startPoolListener } from '../rpc/pool-listener.ts';

/** What all may hold; on loopback every client is one peer, which gets half. */
const BUDGET = 16 * MIB;
const CALLS_PER_SESSION = 50;

async function sessionFrom(port: number, localAddress: string): Promise<ClientHttp2Session> {
  const opened = connectHttp2(`http://127.0.0.1:${port}`, {
    createConnection: () => connect({ port, host: '127.0.0.1', localAddress }),
  });
  opened.on('error', () => undefined);
  onTestFinished(() => opened.destroy());
  await once(opened, 'remoteSettings');
  return opened;
}

function call(session: ClientHttp2Session, method: string): ClientHttp2Stream {
  const path = `/locum.v1.PoolService/${method}`;
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json' });
  stream.on('error', () => undefined);
  return stream;
}

/** An order of servers whose answer says all of it again: 600 KiB. */
const ORDER = JSON.stringify({
  pool: 'pools/default',
  servers: Array.from({ length: 8_000 }, (_, i) => `servers/s${String(i).padStart(62, '0')}`),
});

async function answerOf(stream: ClientHttp2Stream): Promise<{ readonly status: number; readonly bytes: number }> {
  let status = 0;
  let bytes = 0;
  stream.on('response', (headers) => {
    status = Number(headers[':status']);
  });
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await new Promise((resolve) => stream.once('close', resolve));
  return { status, bytes };
}

/** Bytes of all buffers of this process above `before`, which is where a listener keeps what waits. */
const grown = (before: number): number => collectedMemory().arrayBuffers - before;

describe('memory for clients that make us wait has a bound', () => {
  it('300 bodies that are never ended', async () => {
    const { port } = await startPoolListener({ limits: { waitingBytes: BUDGET } });
    const body = Buffer.alloc(MIB, 0x20);
    const before = collectedMemory().arrayBuffers;
    const refused: Promise<unknown>[] = [];
    for (let i = 0; i < 300; i += CALLS_PER_SESSION) {
      const session = await sessionFrom(port, '127.0.0.1');
      for (let k = 0; k < CALLS_PER_SESSION; k += 1) {
        const stream = call(session, 'SetServerOrder');
        stream.write(body);
        const { promise, resolve } = Promise.withResolvers<unknown>();
        stream.once('response', resolve).once('close', () => resolve(undefined));
        refused.push(promise);
      }
    }
    // Seven of 1 MiB fit the half that one peer gets, besides what each call counts for.
    let answered = 0;
    for (const each of refused) void each.then(() => (answered += 1));
    await expect.poll(() => answered, { timeout: 20_000 }).toBeGreaterThanOrEqual(292);
    expect(grown(before)).toBeLessThan(6 * BUDGET);
    const other = call(await sessionFrom(port, '127.0.0.2'), 'SetServerOrder');
    other.end(ORDER);
    const answer = await answerOf(other);
    expect(answer.status).toBe(200);
    expect(answer.bytes).toBeGreaterThanOrEqual(ORDER.length);
  });

  it('answers that are never read', async () => {
    const { port } = await startPoolListener({ limits: { waitingBytes: BUDGET } });
    const came: number[] = [];
    for (let i = 0; i < 60; i += 1) {
      const stream = call(await sessionFrom(port, '127.0.0.1'), 'SetServerOrder');
      const { promise, resolve } = Promise.withResolvers<number>();
      stream.once('response', (headers) => resolve(Number(headers[':status']))).once('close', () => resolve(0));
      stream.end(ORDER);
      // One after the other: this is about what waits afterwards.
      came.push(await promise);
    }
    // Thirteen times 600 KiB are half of the budget; the others were cut, or refused.
    expect(came.filter((status) => status === 200).length).toBeLessThanOrEqual(14);
    expect(came.slice(20)).not.toContain(200);
    const other = call(await sessionFrom(port, '127.0.0.2'), 'SetServerOrder');
    other.end(ORDER);
    expect((await answerOf(other)).status).toBe(200);
  });
});
