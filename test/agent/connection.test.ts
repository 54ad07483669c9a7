import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection } from '../../agent/connection.ts';
import type { Event } from '../../agent/core/event.ts';
import { present } from '../../shared/assert.ts';
import { agentMessageToProto } from '../../shared/codec/agent-message.ts';
import { LocumError } from '../../shared/errors.ts';
import { HOST } from './core/virtual-agent.ts';
import { FakeController } from './fake-controller.ts';

const capacity = { maxSlots: undefined, saturated: false, cpuPercent: 0, memoryPercent: 0 };
const facts = {
  ...HOST,
  uid: undefined,
  uptimeMs: 0,
  clusterId: '',
  capabilities: [],
  capacity,
  highestTerm: 0,
  highestEpoch: 0,
  hostProblems: [],
};
const HELLO = agentMessageToProto({ kind: 'hello', facts, attempts: [], lastPart: true });

let controller: FakeController;
let events: Event[];
let connection: Connection;
let wake: () => void;

beforeEach(async () => {
  controller = await FakeController.start();
  events = [];
  wake = () => undefined;
  connection = new Connection((event) => {
    events.push(event);
    wake();
  });
});
afterEach(() => {
  for (const stream of [1, 2]) connection.drop(stream);
  controller.close();
});

/** The first event of a kind, now or later. */
async function event<K extends Event['kind']>(kind: K): Promise<Event> {
  for (;;) {
    const found = events.find((candidate) => candidate.kind === kind);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

async function connected(): Promise<void> {
  connection.dial(1, controller.endpoint, 5_000);
  await event('connected');
}

describe('a stream to a controller', () => {
  it('is connected, then carries messages both ways', async () => {
    await connected();
    expect(connection.send(1, HELLO)).toBe(true);
    expect(await event('received')).toMatchObject({ stream: 1, term: controller.term, message: { kind: 'welcome' } });
  });

  it('that is refused is told at once, long before the limit', async () => {
    const free = createServer();
    const port = await listen(free);
    await new Promise((resolve) => free.close(resolve));
    const startedAt = performance.now();
    connection.dial(1, `127.0.0.1:${port}`, 30_000);
    expect(await event('closed')).toMatchObject({ stream: 1 });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('to somebody who takes connections and says nothing is given up at the limit', async () => {
    const silent = createServer(() => undefined);
    const port = await listen(silent);
    connection.dial(1, `127.0.0.1:${port}`, 200);
    expect(await event('closed')).toMatchObject({ reason: expect.stringContaining('within 200 ms') });
    silent.close();
  });

  it('that is refused by the controller is told with its reason', async () => {
    controller.onHello = (session) => {
      session.end(new LocumError('DUPLICATE_IDENTITY', 'another agent is web-1'));
      return false;
    };
    await connected();
    connection.send(1, HELLO);
    expect(await event('closed')).toMatchObject({ reason: 'DUPLICATE_IDENTITY: another agent is web-1' });
  });

  it('that is dropped says nothing more', async () => {
    await connected();
    connection.drop(1);
    expect(connection.send(1, HELLO)).toBe(true);
    await connection.whenIdle();
    expect(events.map(({ kind }) => kind)).toEqual(['connected']);
    expect(controller.sessions).toEqual([]);
  });

  it('that is ended is told when the controller has ended it too, and takes nothing after', async () => {
    await connected();
    connection.send(1, HELLO);
    await event('received');
    connection.end(1);
    connection.send(1, HELLO);
    await event('closed');
    expect(present(controller.sessions[0], 'a session').said.hello).toHaveLength(1);
  });

  it('says no while the controller does not read, tells when it does again, and is given up past its bound', async () => {
    await connected();
    connection.send(1, HELLO);
    await event('received');
    present(controller.sessions[0], 'a session').pause();
    // Written in one go, nothing leaves in between.
    const answers = Array.from({ length: 100 }, () => connection.send(1, HELLO));
    expect(answers[0]).toBe(true);
    expect(answers.at(-1)).toBe(false);
    present(controller.sessions[0], 'a session').resume();
    expect(await event('writable')).toMatchObject({ stream: 1, writable: true });
    for (let i = 0; i < 1_000; i += 1) connection.send(1, HELLO);
    expect(events.at(-1)).toMatchObject({ kind: 'closed', reason: 'the controller reads nothing' });
  });
});

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
