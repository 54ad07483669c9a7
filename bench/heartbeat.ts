/**
 * What a heartbeat costs the controller, beside the same with TLS and certificates on both ends, and beside a bare grpc-js echo of the same
 * bytes: `node bench/heartbeat.ts [agents] [rounds]`. All servers are measured in the same rounds, each with its own agents, so that a busy
 * moment of the machine hits all. Prints CPU per heartbeat of the server's process, its memory per idle agent, servers falsely missing, and
 * store writes while idle.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { openClusterAuthority } from '../controller/access/cluster-authority.ts';
import type { PeerRule } from '../shared/access/peer-judge.ts';
import { present } from '../shared/assert.ts';
import { makeRequest } from '../shared/pki/key-pair.ts';
import { serverIdentityCheck, TlsIdentity } from '../shared/rpc/tls-identity.ts';
import type { ServerReady, ServerUsage } from './heartbeat-server.ts';
import { Swarm } from './swarm.ts';

const HEARTBEAT_MS = 1_000;
/** Until the compiler of both servers has settled. */
const WARM_UP_MS = 15_000;
const ROUND_MS = 6_000;

interface Server {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ready: ServerReady;
  readonly swarm: Swarm;
  readonly rounds: Round[];
  /** Memory that the agents take at the server, before their first heartbeat. */
  readonly bytesPerAgent: number;
}

interface Round {
  readonly microsPerHeartbeat: number;
  readonly heartbeats: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function startServer(name: 'controller' | 'tls' | 'echo', agents: number): Promise<Server> {
  const file = join(import.meta.dirname, 'heartbeat-server.ts');
  const child = fork(file, [name, String(HEARTBEAT_MS)], { execPath: process.execPath, execArgv: ['--expose-gc'] });
  const [ready] = (await once(child, 'message')) as [ServerReady];
  const swarm =
    ready.tls === undefined ? new Swarm(ready.agentAddress) : new Swarm(ready.agentAddress, await signer(ready.tls));
  const before = await usage({ child });
  await swarm.join(agents);
  const after = await usage({ child });
  return {
    name,
    child,
    ready,
    swarm,
    rounds: [],
    bytesPerAgent: (after.residentBytes - before.residentBytes) / agents,
  };
}

/** A certificate for each agent, of the controller's own authority. */
async function signer({ dataDirectory, clusterId }: NonNullable<ServerReady['tls']>) {
  const { authority, rootsPem } = await openClusterAuthority({ clusterId, dataDirectory, nowMs: Date.now() });
  const by = present(authority, 'the authority that the controller made');
  const rule: PeerRule = { clusterId, kinds: ['controller'] };
  return async (name: string): Promise<ChannelCredentials> => {
    const { csrPem, keyPem } = await makeRequest();
    const { certPem } = await by.sign({ csrPem, identity: { clusterId, kind: 'server', name }, nowMs: Date.now() });
    const { context } = new TlsIdentity({ certPem, keyPem, rootsPem });
    return credentials.createFromSecureContext(context, { checkServerIdentity: serverIdentityCheck(() => rule) });
  };
}

async function usage({ child }: Pick<Server, 'child'>): Promise<ServerUsage> {
  child.send('usage');
  const [answer] = (await once(child, 'message')) as [ServerUsage];
  return answer;
}

const cpuMicros = async (server: Server): Promise<number> => (await usage(server)).cpuMicros;

/** One round of all servers at once. */
async function measure(servers: readonly Server[]): Promise<void> {
  for (const { swarm } of servers) swarm.takeFigures();
  const before = await Promise.all(servers.map(cpuMicros));
  await sleep(ROUND_MS);
  const after = await Promise.all(servers.map(cpuMicros));
  servers.forEach(({ swarm, rounds }, i) => {
    const { answers, roundTripsMs } = swarm.takeFigures();
    const at = (share: number): number => roundTripsMs[Math.floor(roundTripsMs.length * share)] ?? Number.NaN;
    const used = (after[i] ?? Number.NaN) - (before[i] ?? Number.NaN);
    rounds.push({ microsPerHeartbeat: used / answers, heartbeats: answers, p50Ms: at(0.5), p99Ms: at(0.99) });
  });
}

/** Reads one line of `/metrics`. */
async function metric(apiAddress: string, line: string): Promise<number> {
  const text = await (await fetch(`http://${apiAddress}/metrics`)).text();
  const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
  return Number(found?.slice(line.length));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function printServer({ name, rounds, swarm, bytesPerAgent }: Server): void {
  const micros = rounds.map((round) => round.microsPerHeartbeat);
  const list = micros.map((value) => value.toFixed(0)).join(' ');
  const p50 = median(rounds.map((round) => round.p50Ms)).toFixed(2);
  const p99 = median(rounds.map((round) => round.p99Ms)).toFixed(2);
  console.log(
    `${name.padEnd(10)}  ${median(micros).toFixed(1).padStart(6)} µs CPU per heartbeat (rounds: ${list})` +
      `  round trip p50 ${p50} ms, p99 ${p99} ms  streams lost: ${swarm.lost}  ${(bytesPerAgent / 1024).toFixed(1)} KiB per idle agent`,
  );
}

const [agents = 1_000, roundCount = 5] = process.argv.slice(2).map(Number);
console.log(`Node ${process.versions.node}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`);
console.log(
  `${agents} agents per server, a heartbeat each every ${HEARTBEAT_MS} ms, ${roundCount} rounds of ${ROUND_MS / 1000} s`,
);

const controller = await startServer('controller', agents);
const tls = await startServer('tls', agents);
const echo = await startServer('echo', agents);
const { apiAddress } = controller.ready;
const servers = [controller, tls, echo];
for (const { swarm } of servers) swarm.beat(HEARTBEAT_MS);
await sleep(WARM_UP_MS);
const commitsBefore = await metric(apiAddress, 'locum_commits_total');
for (let round = 0; round < roundCount; round += 1) await measure(servers);
const writes = (await metric(apiAddress, 'locum_commits_total')) - commitsBefore;
const missing = await metric(apiAddress, 'locum_servers{liveness="MISSING"}');
const suspect = await metric(apiAddress, 'locum_servers{liveness="SUSPECT"}');

printServer(controller);
printServer(tls);
printServer(echo);
const [ours, secured, bare] = servers.map(({ rounds }) => median(rounds.map((round) => round.microsPerHeartbeat)));
console.log(`ratio       ${((ours ?? Number.NaN) / (bare ?? Number.NaN)).toFixed(2)} (goal: at most 1.3)`);
console.log(
  `with TLS    ${((secured ?? Number.NaN) / (ours ?? Number.NaN)).toFixed(2)} times the controller without (goal: at most 1.1)`,
);
console.log(`falsely missing: ${missing}, suspect: ${suspect}, store writes while idle: ${writes}`);
for (const { swarm, child } of servers) {
  swarm.close();
  child.disconnect();
}
