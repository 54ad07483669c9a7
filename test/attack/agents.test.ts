import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startAgentListener } from '../../controller/agents/agent-listener.ts';
import type { RawCall } from '../../controller/agents/agent-stream.ts';
import { AgentStreams } from '../../controller/agents/agent-streams.ts';
import { systemClock } from '../../controller/engine/clock.ts';
import { ControllerMetrics } from '../../controller/metrics.ts';
import { createLogger } from '../../shared/log.ts';
import { HealthTable } from '../../shared/rpc/health.ts';
import { ScriptedAgent } from '../controller/scripted-agent.ts';
import { callHead, closeOf, FLAG, FRAME, flood, frame, openHttp2 } from './frames.ts';

const CONNECT = callHead('/locum.v1.AgentService/Connect', 'application/grpc');

async function listener(maxConnections: number) {
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
  });
  onTestFinished(() => open.close(0));
  return { ...open, calls };
}

async function stranger(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** A connection with a stream on it, as agents have. */
async function withStream(port: number): Promise<Socket> {
  const socket = await openHttp2(port);
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

  it('who are refused over and over fill no log', async () => {
    const lines: string[] = [];
    const log = createLogger({ name: 'test', format: 'json', output: { write: (line) => void lines.push(line) } });
    const streams = new AgentStreams({
      clock: systemClock,
      log,
      metrics: new ControllerMetrics(),
      owner: { cut: () => undefined },
    });
    streams.attach({ term: 1, post: () => true });
    const open = await startAgentListener({
      host: '127.0.0.1',
      port: 0,
      onConnect: (call) => streams.accept(call),
      health: new HealthTable([]),
    });
    onTestFinished(() => open.close(0));
    for (let i = 0; i < 30; i += 1) {
      const agent = new ScriptedAgent(`127.0.0.1:${open.port}`, 'x');
      agent.heartbeat();
      expect((await agent.ended).error?.reason).toBe('PROTOCOL');
      agent.close();
    }
    expect(lines).toHaveLength(10);
  });
});
