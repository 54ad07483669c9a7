import { Duplex } from 'node:stream';
import { create, toBinary } from '@bufbuild/protobuf';
import type * as grpc from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { RawCall } from '../../../controller/agents/agent-stream.ts';
import { AgentStreams } from '../../../controller/agents/agent-streams.ts';
import type { Event } from '../../../controller/core/cluster/event.ts';
import { ControllerMetrics } from '../../../controller/metrics.ts';
import { LocumError } from '../../../shared/errors.ts';
import { ConnectRequestSchema } from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { HostProblemKind } from '../../../shared/gen/locum/v1/host_problem_pb.ts';
import { createLogger } from '../../../shared/log.ts';
import type { Heartbeat } from '../../../shared/protocol/agent-message.ts';

/** A call as grpc-js gives it, without a network: what is pushed is what the agent said. */
class FakeCall extends Duplex {
  readonly sent: Buffer[] = [];
  status: Partial<grpc.ServiceError> | undefined;
  /** The other end reads nothing. */
  stuck = false;

  constructor() {
    super({ objectMode: true });
    this.on('error', (error: Partial<grpc.ServiceError>) => {
      this.status = error;
      this.end();
    });
  }

  override _read(): void {}

  override _write(bytes: Buffer, _: string, done: () => void): void {
    this.sent.push(bytes);
    if (!this.stuck) done();
  }

  getPeer(): string {
    return '127.0.0.1:1';
  }

  say(message: object): void {
    this.push(Buffer.from(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, message))));
  }

  hello(): void {
    const place = { instanceId: 'i', machineId: 'm', bootId: 'b' };
    this.say({ message: { case: 'hello', value: { server: 'web-1', ...place, lastPart: true } } });
  }

  heartbeat(sequence: number, news: { readonly capabilities?: object; readonly hostProblems?: object } = {}): void {
    this.say({ message: { case: 'heartbeat', value: { sequence: BigInt(sequence), generation: 1n, ...news } } });
  }
}

function world({ patienceMs = 0, maxStreams = 2 } = {}) {
  const time = { mono: 0 };
  const cut: string[] = [];
  const events: string[] = [];
  const room = { left: Number.POSITIVE_INFINITY };
  const streams = new AgentStreams({
    clock: () => ({ mono: time.mono, wall: 0 }),
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: new ControllerMetrics(),
    owner: { cut: (peer) => void cut.push(peer) },
    maxStreams,
    patienceMs,
  });
  const post = (event: Event): boolean => {
    if (room.left === 0) return false;
    room.left -= 1;
    events.push(event.kind === 'heartbeat' ? `heartbeat ${event.sequence}${newsOf(event)}` : event.kind);
    return true;
  };
  const open = (): FakeCall => {
    const call = new FakeCall();
    // Of a call the streams use what a Duplex has, and who the peer is.
    streams.accept(call as unknown as RawCall);
    return call;
  };
  return { streams, attach: () => streams.attach({ term: 1, post }), open, time, cut, events, room };
}

const newsOf = ({ capabilities, hostProblems }: Pick<Heartbeat, 'capabilities' | 'hostProblems'>): string =>
  [
    ...(capabilities ?? []).map(({ name, value }) => ` ${name}=${value}`),
    ...(hostProblems ?? []).map(({ kind }) => ` ${kind}`),
  ].join('');

const settled = () => new Promise((resolve) => setImmediate(resolve));
const reasonOf = ({ status }: FakeCall): string | undefined => status?.details;

describe('agent streams', () => {
  it('that find the mailbox full are not read until there is room, and lose nothing', async () => {
    const { attach, open, streams, events, room } = world();
    attach();
    const call = open();
    call.hello();
    await settled();
    room.left = 1;
    for (let sequence = 1; sequence <= 5; sequence += 1) call.heartbeat(sequence);
    await settled();
    expect(events).toEqual(['hello', 'heartbeat 1']);
    expect(call.isPaused()).toBe(true);
    room.left = 2;
    streams.resume();
    await settled();
    expect(events).toEqual(['hello', 'heartbeat 1', 'heartbeat 2', 'heartbeat 3']);
    room.left = 10;
    streams.resume();
    await settled();
    expect(events.slice(4)).toEqual(['heartbeat 4', 'heartbeat 5']);
    expect(call.isPaused()).toBe(false);
  });

  it('tell news of their host as often as a host has some, and the newest of what comes too fast with a later heartbeat', async () => {
    const { attach, open, time, events } = world();
    attach();
    const saying = (value: number) => ({ capabilities: { capabilities: [{ name: 'x', value: `v${value}` }] } });
    const first = open();
    first.hello();
    for (let n = 1; n <= 20; n += 1) first.heartbeat(n, saying(n));
    first.heartbeat(21, { hostProblems: { problems: [{ kind: HostProblemKind.NO_SPACE }] } });
    for (let n = 22; n <= 40; n += 1) first.heartbeat(n, saying(n));
    await settled();
    expect(events.slice(20)).toEqual([
      'heartbeat 20 x=v20',
      ...Array.from({ length: 20 }, (_, i) => `heartbeat ${21 + i}`),
    ]);
    time.mono = 2_000;
    first.heartbeat(41);
    first.heartbeat(42, saying(42));
    await settled();
    expect(events.slice(-2)).toEqual(['heartbeat 41 x=v40 NO_SPACE', 'heartbeat 42']);
    // Another stream of the same server has no more.
    const second = open();
    second.hello();
    second.heartbeat(1, saying(43));
    await settled();
    expect(events.slice(-1)).toEqual(['heartbeat 1']);
    time.mono = 4_000;
    second.heartbeat(2);
    await settled();
    expect(events.slice(-1)).toEqual(['heartbeat 2 x=v43']);
  });

  it('are heard when they open and when agents say something, not when they end', async () => {
    const { attach, open, streams } = world();
    attach();
    const call = open();
    expect(streams.heard).toBe(1);
    call.hello();
    call.heartbeat(1);
    await settled();
    expect(streams.heard).toBe(3);
    call.emit('cancelled');
    await settled();
    expect(streams.heard).toBe(3);
  });

  it('count Hellos that are sent on to another leader, at once or when it is known, and not the streams of a term', async () => {
    const other = { endpoint: 'b:7401', term: 2 };
    const { attach, open, streams } = world({ patienceMs: 1_000, maxStreams: 4 });
    attach();
    open().hello();
    await settled();
    streams.pointTo(other);
    streams.detach(new LocumError('NOT_LEADER', 'over'));
    expect(streams.refusedHellos).toBe(0);
    open().hello();
    await settled();
    expect(streams.refusedHellos).toBe(1);
    streams.pointTo(undefined);
    open().hello();
    await settled();
    expect(streams.refusedHellos).toBe(1);
    streams.pointTo(other);
    expect(streams.refusedHellos).toBe(2);
  });

  it('tell of their end even when the mailbox was full at that moment', async () => {
    const { attach, open, streams, events, room } = world();
    attach();
    const call = open();
    call.hello();
    await settled();
    room.left = 0;
    call.destroy();
    await settled();
    expect(events).toEqual(['hello']);
    expect(streams.size).toBe(0);
    room.left = 10;
    streams.resume();
    expect(events).toEqual(['hello', 'stream_closed']);
  });

  it('are refused past their number', async () => {
    const { attach, open } = world();
    attach();
    const [, , third] = [open(), open(), open()];
    await settled();
    expect(reasonOf(third ?? open())).toContain('2 agents are connected');
  });

  it('end with their term, and its late events reach no other one', async () => {
    const { attach, open, streams, events } = world();
    attach();
    const call = open();
    call.hello();
    await settled();
    streams.detach(new LocumError('NOT_LEADER', 'the term is over'));
    await settled();
    expect(reasonOf(call)).toBe('the term is over');
    attach();
    call.heartbeat(1);
    await settled();
    expect(events).toEqual(['hello']);
  });

  it('that hand on nothing for 5 s are cut, those that do are not', async () => {
    const { attach, open, streams, time, cut } = world();
    attach();
    const call = open();
    call.hello();
    await settled();
    call.stuck = true;
    const grant = { kind: 'grant', sequence: 1, generation: 1 } as const;
    for (let i = 0; i < 3; i += 1) streams.send(1, grant, { mono: 0, wall: 0 });
    for (time.mono = 1_000; time.mono <= 5_000; time.mono += 1_000) streams.sweep();
    expect(cut).toEqual([]);
    time.mono = 6_000;
    streams.sweep();
    expect(cut).toEqual(['127.0.0.1:1']);
    expect(reasonOf(call)).toContain('read nothing for 5 s');
  });
});
