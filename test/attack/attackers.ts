/**
 * Who attacks a controller on its sockets, one kind each: played round after round, by a test against all of it at once and by
 * `npm run bench -- attack` one after the other. Each comes from an address of its own, and none from that of the healthy.
 */
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { ConnectRequestSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { MIB } from '../../shared/limits.ts';
import { callHead, closeOf, FLAG, FRAME, flood, fourBytes, frame, openHttp2 } from './frames.ts';

export interface AttackTarget {
  /** Ports on 127.0.0.1. */
  readonly api: number;
  readonly agents: number;
}

export interface Attack {
  /** Where it is aimed. */
  readonly on: 'api' | 'agents' | 'both';
  /** Only a listener with TLS has what it attacks; default: any, in plaintext. */
  readonly overTls?: boolean;
  /** One round; what it leaves open stays open, and is answered. `from`: an address of loopback. */
  readonly play: (target: AttackTarget, from: string) => Promise<readonly Socket[]>;
}

const GET_STATUS = '/locum.v1.ClusterService/GetStatus';
const STATUS_HEAD = callHead(GET_STATUS);
const WATCH = callHead('/locum.v1.PolicyService/WatchPolicies', 'application/grpc');
const CONNECT = callHead('/locum.v1.AgentService/Connect', 'application/grpc');
const EMPTY_MESSAGE = Buffer.alloc(5);
/** Frames of a round of a flood: more than any session gets through with. */
const FRAMES = 2_000;
/** Connections of a round that only open some. */
const SOCKETS = 20;

function open(port: number, from: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  return socket.on('error', () => undefined).resume();
}

/** Opens HTTP/2 and sends these frames, as fast as they are taken. */
const floodsOf =
  (make: (i: number) => Buffer): Attack['play'] =>
  async ({ api }, from) => {
    const socket = await openHttp2(api, from);
    await flood(socket, FRAMES, make);
    return [socket];
  };

/** Several connections that each write this, and no more. */
const manyOf =
  (text: string | Buffer): Attack['play'] =>
  async ({ api }, from) =>
    Array.from({ length: SOCKETS }, () => {
      const socket = open(api, from);
      socket.write(text);
      return socket;
    });

/** Calls on one connection, as an honest library would make them; resolves when all are answered or cut. */
const callsOf =
  (count: number, body: Buffer, headers: Readonly<Record<string, string>> = {}): Attack['play'] =>
  async ({ api }, from) => {
    const session = connectHttp2(`http://127.0.0.1:${api}`, {
      createConnection: () => connect({ port: api, host: '127.0.0.1', localAddress: from }),
    });
    session.on('error', () => undefined);
    const calls = Array.from({ length: count }, () => {
      const json = { 'content-type': 'application/json' };
      const stream = session.request({ ':method': 'POST', ':path': GET_STATUS, ...json, ...headers });
      stream.on('error', () => undefined).resume();
      stream.end(body);
      return closeOf(stream);
    });
    await Promise.all(calls);
    session.destroy();
    return [];
  };

/** Streams of an agent on one connection; each says this. */
const agentSaying =
  (streams: number, said: Buffer): Attack['play'] =>
  async ({ agents }, from) => {
    const socket = await openHttp2(agents, from);
    for (let i = 0; i < streams; i += 1) {
      socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * i + 1, CONNECT));
      if (said.length > 0) socket.write(frame(FRAME.DATA, FLAG.NONE, 2 * i + 1, said));
    }
    return [socket];
  };

/** A message of gRPC that says it is so long. */
const enveloped = (message: Buffer, length = message.length): Buffer =>
  Buffer.concat([Buffer.from([0]), fourBytes(length), message]);

type Said = Extract<MessageInitShape<typeof ConnectRequestSchema>['message'], { readonly case: 'hello' | 'heartbeat' }>;

const message = (said: Said): Buffer =>
  enveloped(Buffer.from(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { message: said }))));

const hello = (server: string): Buffer => {
  const ids = { instanceId: 'stranger', machineId: 'stranger', bootId: 'stranger' };
  return message({ case: 'hello', value: { server, ...ids, uptime: { seconds: 1n }, lastPart: true } });
};

/** An agent that says Hello and then floods. */
const floodsAsAgent =
  (server: string, make: (i: number) => Buffer): Attack['play'] =>
  async ({ agents }, from) => {
    const socket = await openHttp2(agents, from);
    socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, CONNECT));
    socket.write(frame(FRAME.DATA, FLAG.NONE, 1, hello(server)));
    // Answers are read, and their room is given back, so that it is never cut for being slow.
    await flood(socket, FRAMES, (i) => Buffer.concat([make(i), i % 50 === 0 ? moreRoom() : Buffer.alloc(0)]));
    return [socket];
  };

const moreRoom = (): Buffer =>
  Buffer.concat([0, 1].map((stream) => frame(FRAME.WINDOW_UPDATE, FLAG.NONE, stream, fourBytes(60_000))));

const heartbeat = (sequence: number): Buffer =>
  frame(
    FRAME.DATA,
    FLAG.NONE,
    1,
    message({ case: 'heartbeat', value: { sequence: BigInt(sequence + 1), generation: 1n } }),
  );

let names = 0;

/** The first bytes of a ClientHello, whose rest never comes. */
const HALF_CLIENT_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);

/** Whole handshakes one after the other, as anybody without a certificate. */
async function shakesHands(port: number, from: string): Promise<void> {
  const raw = open(port, from).pause();
  const secured = connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  secured.on('error', () => undefined).resume();
  const closed = closeOf(raw);
  await Promise.race([new Promise((resolve) => secured.once('secureConnect', resolve)), closed]);
  raw.destroy();
}

export const ATTACKS: Readonly<Record<string, Attack>> = {
  'resets calls': {
    on: 'api',
    play: floodsOf((i) =>
      Buffer.concat([
        frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * i + 1, STATUS_HEAD),
        frame(FRAME.DATA, FLAG.END_STREAM, 2 * i + 1, Buffer.from('{}')),
        frame(FRAME.RST_STREAM, FLAG.NONE, 2 * i + 1, fourBytes(8)),
      ]),
    ),
  },
  pings: { on: 'api', play: floodsOf(() => frame(FRAME.PING, FLAG.NONE, 0, Buffer.alloc(8))) },
  settings: { on: 'api', play: floodsOf(() => frame(FRAME.SETTINGS, FLAG.NONE, 0)) },
  'never ends a head': {
    on: 'api',
    play: floodsOf((i) =>
      i === 0
        ? frame(FRAME.HEADERS, FLAG.NONE, 1, STATUS_HEAD)
        : frame(FRAME.CONTINUATION, FLAG.NONE, 1, Buffer.from([0, 1, 0x61, 1, 0x62])),
    ),
  },
  'sends empty pieces of a body': {
    on: 'api',
    play: floodsOf((i) =>
      i === 0 ? frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, STATUS_HEAD) : frame(FRAME.DATA, FLAG.NONE, 1),
    ),
  },
  'trickles heads': { on: 'api', play: manyOf(`POST ${GET_STATUS} HTTP/1.1\r\nhost: localhost\r\nx-slow:`) },
  'trickles bodies': {
    on: 'api',
    play: manyOf(
      `POST ${GET_STATUS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`,
    ),
  },
  'never ends a body': {
    on: 'api',
    play: async ({ api }, from) => {
      const socket = await openHttp2(api, from);
      for (let stream = 1; stream < 40; stream += 2) {
        socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, STATUS_HEAD));
        socket.write(frame(FRAME.DATA, FLAG.NONE, stream, Buffer.alloc(3_000, 0x20)));
      }
      return [socket];
    },
  },
  'never reads a watch': {
    on: 'api',
    play: async ({ api }, from) => {
      const socket = await openHttp2(api, from);
      // No room for a single byte of an answer.
      socket.write(frame(FRAME.SETTINGS, FLAG.NONE, 0, Buffer.concat([Buffer.from([0, 4]), fourBytes(0)])));
      for (let stream = 1; stream < 40; stream += 2) {
        socket.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, WATCH));
        socket.write(frame(FRAME.DATA, FLAG.END_STREAM, stream, EMPTY_MESSAGE));
      }
      return [socket];
    },
  },
  'calls without a token': { on: 'api', play: callsOf(100, Buffer.from('{}')) },
  'calls with a wrong token': {
    on: 'api',
    play: callsOf(100, Buffer.from('{}'), { authorization: `Bearer locum_${'x'.repeat(43)}` }),
  },
  'sends JSON that is none': { on: 'api', play: callsOf(100, Buffer.from('{"a":[[[[[[')) },
  'sends too much and has no token': { on: 'api', play: callsOf(10, Buffer.alloc(3 * MIB, 0x20)) },
  'says nothing': {
    on: 'both',
    play: async ({ api, agents }, from) => [open(api, from), open(agents, from)],
  },
  'connects and goes': {
    on: 'both',
    play: async ({ api, agents }, from) => {
      const sockets = Array.from({ length: SOCKETS }, (_, i) => open(i % 2 === 0 ? api : agents, from));
      await Promise.all(
        sockets.map((socket) => {
          const closed = closeOf(socket);
          socket.once('connect', () => socket.destroy());
          return closed;
        }),
      );
      return [];
    },
  },
  'says no Hello': { on: 'agents', play: agentSaying(1, Buffer.alloc(0)) },
  'says rubbish as an agent': { on: 'agents', play: agentSaying(8, enveloped(Buffer.alloc(64, 0xff))) },
  'says too much as an agent': { on: 'agents', play: agentSaying(8, enveloped(Buffer.alloc(64, 0xff), MIB)) },
  'opens streams as an agent': {
    on: 'agents',
    play: async ({ agents }, from) => {
      const socket = await openHttp2(agents, from);
      await flood(socket, 200, (i) => frame(FRAME.HEADERS, FLAG.END_HEADERS + FLAG.END_STREAM, 2 * i + 1, CONNECT));
      return [socket];
    },
  },
  'pings as an agent': {
    on: 'agents',
    play: floodsAsAgent('stranger', () => frame(FRAME.PING, FLAG.NONE, 0, Buffer.alloc(8))),
  },
  'heartbeats without a pause': { on: 'agents', play: floodsAsAgent('stranger', heartbeat) },
  'replays one Hello': { on: 'agents', play: agentSaying(8, hello('stranger')) },
  'registers names': {
    on: 'agents',
    play: async (target, from) => {
      names += 1;
      return agentSaying(1, hello(`stranger-${names}`))(target, from);
    },
  },
  'leaves handshakes half done': {
    on: 'both',
    overTls: true,
    play: async ({ api, agents }, from) =>
      Array.from({ length: SOCKETS }, (_, i) => {
        const socket = open(i % 2 === 0 ? api : agents, from);
        socket.write(HALF_CLIENT_HELLO);
        return socket;
      }),
  },
  'shakes hands without a certificate': {
    on: 'both',
    overTls: true,
    play: async ({ api, agents }, from) => {
      await Promise.all(Array.from({ length: 10 }, (_, i) => shakesHands(i % 2 === 0 ? api : agents, from)));
      return [];
    },
  },
  'speaks no TLS': {
    on: 'both',
    overTls: true,
    play: async ({ api, agents }, from) => {
      const sockets = Array.from({ length: 10 }, (_, i) => open(i % 2 === 0 ? api : agents, from));
      for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
      await Promise.all(sockets.map(closeOf));
      return [];
    },
  },
};

/** At most so many stay open at a time: bounds are tried, the attacker's own descriptors are not. */
const MAX_OPEN = 2_000;

/** Plays rounds until the time is up; how many. */
export async function playUntil(attack: Attack, target: AttackTarget, from: string, endMs: number): Promise<number> {
  const opened: Socket[] = [];
  let rounds = 0;
  for (; performance.now() < endMs; rounds += 1) {
    const left = endMs - performance.now();
    // A round may wait for what never comes: that is no reason to go on for ever.
    opened.push(...(await Promise.race([attack.play(target, from), nothingAfter(left)])));
    for (const socket of opened.splice(0, Math.max(0, opened.length - MAX_OPEN))) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (const socket of opened) socket.destroy();
  return rounds;
}

async function nothingAfter(ms: number): Promise<readonly Socket[]> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return [];
}
