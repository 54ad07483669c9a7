import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startAgentListener } from '../../controller/agents/agent-listener.ts';
import type { RawCall } from '../../controller/agents/agent-stream.ts';
import { AgentStreams } from '../../controller/agents/agent-streams.ts';
import type { Event } from '../../controller/core/cluster/event.ts';
import { systemClock } from '../../controller/engine/clock.ts';
import { ControllerMetrics } from '../../controller/metrics.ts';
import { createLogger } from '../../shared/log.ts';
import { HealthTable } from '../../shared/rpc/health.ts';
import { ScriptedAgent } from '../controller/scripted-agent.ts';
import { connectAll } from './connect-all.ts';
import { callHead, closeOf, FLAG, FRAME, flood, frame, openHttp2, PREFACE } from './frames.ts';

const CONNECT = callHead('/locum.v1.AgentService/Connect', 'application/grpc');

async function listener(maxConnections: number, idleMs?: number) {
  const calls: RawCall[] = [];
  const open = await startAgentListener({
    host: '127.0.0.1',
    port: 0,
    onConnect: (call) => {
      call.on('error', () => undefined).resume();
      calls.push(call);
    },
    health: new HealthTable([]),
    maxConnections,
    ...(idleMs === undefined ? {} : { idleMs }),
  });
  onTestFinished(() => open.close(0));
  return { ...open, calls };
}

interface WholeOptions {
  readonly maxUnknown?: number;
  /** Of the log. Default: nobody reads it. */
  readonly output?: { readonly write: (line: string) => void };
}

/** A listener with its streams, of a leader that takes every Hello. */
async function wholeListener({ maxUnknown = 100, output = { write: () => undefined } }: WholeOptions) {
  const hellos: string[] = [];
  const streams = new AgentStreams({
    clock: systemClock,
    log: createLogger({ name: 'test', format: 'json', output }),
    metrics: new ControllerMetrics(),
    owner: { cut: () => undefined },
    maxUnknown,
  });
  const post = (event: Event): boolean => {
    if (event.kind === 'hello') hellos.push(event.hello.server);
    return true;
  };
  streams.attach({ term: 1, post });
  const { port, close } = await startAgentListener({
    host: '127.0.0.1',
    port: 0,
    onConnect: (call) => streams.accept(call),
    health: new HealthTable([]),
  });
  onTestFinished(() => close(0));
  return { port, streams, hellos };
}

async function stranger(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** A connection with a stream on it, as agents have. */
async function withStream(port: number, from?: string): Promise<Socket> {
  const socket = await openHttp2(port, from);
  onTestFinished(() => void socket.destroy());
  socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, CONNECT));
  return socket;
}

describe('strangers on the listener for agents', () => {
  it('who take all places and say nothing make room for agents, and end no stream', async () => {
    const { port, calls } = await listener(10);
    const agents = [await withStream(port), await withStream(port)];
    await expect.poll(() => calls.length).toBe(2);
    const strangers: Socket[] = [];
    for (let i = 0; i < 50; i += 1) strangers.push(await stranger(port));
    const late = await withStream(port);
    await expect.poll(() => calls.length).toBe(3);
    await expect.poll(() => strangers.filter(({ destroyed }) => destroyed).length).toBe(50 - 7);
    expect([...agents, late].map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
  });

  it('who connect all at once are begun after an agent that comes behind them', async () => {
    const { port, calls } = await listener(1_000);
    const said = Buffer.concat([
      PREFACE,
      frame(FRAME.SETTINGS, FLAG.NONE, 0),
      frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, CONNECT),
    ]);
    const from = [...Array<string>(500).fill('127.0.0.2'), '127.0.0.1'];
    expect(connectAll({ port, from, text: said.toString('latin1') })).toBe(from.length);
    await expect.poll(() => calls.length, { timeout: 20_000 }).toBe(from.length);
    // At once are 50 of them begun, and by the pace a few more while the others are taken.
    expect(calls.findIndex((call) => call.getPeer().startsWith('127.0.0.1:'))).toBeLessThan(250);
  });

  it('who open one stream after the other are cut off', async () => {
    const { port, calls } = await listener(10);
    const attacker = await openHttp2(port);
    const closed = closeOf(attacker);
    const limit = 20_000;
    const sent = await flood(attacker, limit, (i) =>
      frame(FRAME.HEADERS, FLAG.END_HEADERS + FLAG.END_STREAM, 2 * i + 1, CONNECT),
    );
    await closed;
    expect(sent).toBeLessThan(limit);
    expect(calls.length).toBeLessThanOrEqual(50);
  });

  it('who open no stream are closed after a while, and agents are not', async () => {
    const { port, calls } = await listener(10, 100);
    const agent = await withStream(port);
    await expect.poll(() => calls.length).toBe(1);
    await closeOf(await openHttp2(port));
    expect(agent.destroyed).toBe(false);
  });

  it('who say no Hello take no place of an agent', async () => {
    const { port, streams, hellos } = await wholeListener({ maxUnknown: 4 });
    for (let i = 0; i < 10; i += 1) await withStream(port, '127.0.0.2');
    await expect.poll(() => streams.heard).toBe(10);
    expect(streams.size).toBe(4);
    for (let i = 0; i < 3; i += 1) {
      const agent = new ScriptedAgent(`127.0.0.1:${port}`, `web-${i}`);
      onTestFinished(() => agent.close());
      agent.hello();
    }
    await expect.poll(() => hellos.length).toBe(3);
    // Those that are known now have left their places to the strangers again.
    await withStream(port, '127.0.0.2');
    await expect.poll(() => streams.heard).toBe(17);
    expect(streams.size).toBe(3 + 4);
  });

  it('who are refused over and over fill no log', async () => {
    const lines: string[] = [];
    const { port } = await wholeListener({ output: { write: (line) => void lines.push(line) } });
    for (let i = 0; i < 30; i += 1) {
      const agent = new ScriptedAgent(`127.0.0.1:${port}`, 'x');
      agent.heartbeat();
      expect((await agent.ended).error?.reason).toBe('PROTOCOL');
      agent.close();
    }
    expect(lines).toHaveLength(10);
  });
});
