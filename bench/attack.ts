/**
 * What each kind of attack costs the others: `npm run bench -- attack [seconds] [kind]`. A process attacks a controller from another
 * address, while a caller asks for the status 40 times a second and agents send heartbeats; before it, and under it. Beside that stands the
 * same caller at a bare http2 server of Node, which answers `{}` and knows no bounds, under the same attack. Calls are begun by the clock,
 * whether or not the last one is answered, and each tenth has a connection of its own. Goal: 99 % within 250 ms, and no stream lost. On a
 * busy machine look at the CPU that a round of the attack costs the server, which is a figure of its own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ATTACKS, type Attack } from '../test/attack/attackers.ts';
import type { ServerKind } from './agent-server.ts';
import type { AttackOrder } from './attacker.ts';
import { MeasuredServer } from './measured-server.ts';

const AGENTS = 50;
const HEARTBEAT_MS = 1_000;
const CALL_EVERY_MS = 25;
const OWN_CONNECTION_EVERY = 10;
/** A call that is not answered by then counts as that long, and as lost. */
const GIVE_UP_MS = 5_000;
const GRACE_MS = 1_000;

const GET_STATUS = {
  ':method': 'POST',
  ':path': '/locum.v1.ClusterService/GetStatus',
  'content-type': 'application/json',
};

interface Waits {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lost: number;
}

/** A healthy client. */
class Caller {
  readonly #server: MeasuredServer;
  #session: Promise<ClientHttp2Session>;

  constructor(server: MeasuredServer) {
    this.#server = server;
    this.#session = this.#connect();
  }

  /** Calls for so long; resolves when the last is answered or given up. */
  async callFor(ms: number): Promise<Waits> {
    const calls: Promise<number | undefined>[] = [];
    const startMono = performance.now();
    for (let i = 0; performance.now() < startMono + ms; i += 1) {
      calls.push(this.#timed(i % OWN_CONNECTION_EVERY === 0));
      await sleep(Math.max(0, startMono + (i + 1) * CALL_EVERY_MS - performance.now()));
    }
    const waits = await Promise.all(calls);
    const sorted = waits.map((wait) => wait ?? GIVE_UP_MS).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return { p50Ms: at(0.5), p99Ms: at(0.99), lost: waits.filter((wait) => wait === undefined).length };
  }

  async close(): Promise<void> {
    (await this.#session).destroy();
  }

  /** Milliseconds; undefined: there was no right answer. */
  async #timed(withOwnConnection: boolean): Promise<number | undefined> {
    const beganMono = performance.now();
    const patience = sleep(GIVE_UP_MS, false, { ref: false });
    const isAnswered = await Promise.race([this.#call(withOwnConnection).catch(() => false), patience]);
    return isAnswered ? performance.now() - beganMono : undefined;
  }

  async #call(withOwnConnection: boolean): Promise<boolean> {
    let session = await (withOwnConnection ? this.#connect() : this.#session);
    if (session.closed || session.destroyed) {
      this.#session = this.#connect();
      session = await this.#session;
    }
    const stream = session.request({ ...GET_STATUS, ...this.#server.authorization });
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let status = 0;
    stream.once('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('error', () => undefined).resume();
    stream.once('close', () => resolve(status === 200));
    stream.end('{}');
    const isAnswered = await promise;
    if (withOwnConnection) session.destroy();
    return isAnswered;
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { url, options } = await this.#server.api();
    const session = connect(url, options);
    session.on('error', () => undefined);
    return session;
  }
}

interface Outcome {
  readonly before: Waits;
  readonly under: Waits;
  readonly rounds: number;
  /** Of the server, for a round of the attack, everything else that it does meanwhile included. */
  readonly cpuMsPerRound: number;
  readonly longestBeatMs: number;
  readonly streamsLost: number;
}

async function attackServer(kind: ServerKind, attack: string, ms: number): Promise<Outcome> {
  const server = await MeasuredServer.start(kind, 'closed');
  const { swarm } = server;
  await swarm.join(AGENTS);
  swarm.beat(HEARTBEAT_MS);
  const caller = new Caller(server);
  await caller.callFor(GRACE_MS);
  const before = await caller.callFor(ms / 2);
  const cpuBefore = await server.cpuMicros();
  swarm.takeFigures();
  const attacker = fork(join(import.meta.dirname, 'attacker.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await once(attacker, 'spawn');
  attacker.send({ attack, target: server.ports, ms: ms + GRACE_MS } satisfies AttackOrder);
  const told = once(attacker, 'message');
  await sleep(GRACE_MS);
  const under = await caller.callFor(ms);
  const [rounds] = (await told) as [number];
  const cpuMsPerRound = ((await server.cpuMicros()) - cpuBefore) / 1_000 / rounds;
  const { roundTripsMs } = swarm.takeFigures();
  const streamsLost = swarm.lost;
  await caller.close();
  await server.close();
  return { before, under, rounds, cpuMsPerRound, longestBeatMs: roundTripsMs.at(-1) ?? Number.NaN, streamsLost };
}

function print(name: string, { before, under, rounds, cpuMsPerRound, longestBeatMs, streamsLost }: Outcome): void {
  const ms = ({ p50Ms, p99Ms }: Waits): string => `${p50Ms.toFixed(1).padStart(7)} ${p99Ms.toFixed(1).padStart(7)}`;
  const agents = `${longestBeatMs.toFixed(0).padStart(6)} ms, ${streamsLost} lost`;
  const lost = under.lost + before.lost === 0 ? '' : `  calls lost: ${before.lost} before, ${under.lost} under it`;
  console.log(
    `${name.padEnd(36)} ${ms(before)}  ${ms(under)}  ${agents}  ${rounds} rounds of ${cpuMsPerRound.toFixed(1)} ms CPU${lost}`,
  );
}

async function measure(name: string, { overTls = false }: Attack, ms: number): Promise<void> {
  print(name, await attackServer(overTls ? 'controller-tls' : 'controller', name, ms));
  print('  bare Node', await attackServer(overTls ? 'echo-tls' : 'echo', name, ms));
}

const [seconds = '5', wanted] = process.argv.slice(2);
console.log(
  `${AGENTS} agents, ${1_000 / CALL_EVERY_MS} calls a second, ${seconds} s of attack, load ${loadavg()[0]?.toFixed(1)}`,
);
console.log(`${''.padEnd(36)} p50 and p99 before, under attack, ms; longest round trip of a heartbeat`);
for (const [name, attack] of Object.entries(ATTACKS)) {
  if (wanted === undefined || name === wanted) await measure(name, attack, Number(seconds) * 1_000);
}
