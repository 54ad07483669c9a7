/**
 * What a heartbeat costs the controller, plain and with certificates on both ends, beside a bare grpc-js echo of the same bytes, plain and
 * with TLS too: `npm run bench -- heartbeat [agents] [rounds]`. In each round every server has its turn, while the agents of the others are
 * silent; so a busy stretch of the machine hits all, and no server takes the others' time. Ratios are medians of those
 * within a round. Prints CPU per heartbeat of the server's process, servers falsely missing, and store writes while idle.
 */
import { cpus, loadavg, release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVER_KINDS, type ServerKind } from './agent-server.ts';
import { MeasuredServer } from './measured-server.ts';

const HEARTBEAT_MS = 1_000;
/** That of production, until all have joined. */
const IDLE_HEARTBEAT_MS = 5_000;
/** Turns before the first that counts: until the compilers of the servers have settled. */
const WARM_UP_ROUNDS = 2;
/** From a turn's first heartbeat to its measurement. */
const RUN_UP_MS = 300;
const TURN_MS = 2_500;

interface Turn {
  readonly microsPerHeartbeat: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

type Round = Readonly<Record<ServerKind, Turn>>;

async function takeTurn(server: MeasuredServer): Promise<Turn> {
  const { swarm } = server;
  swarm.beat(HEARTBEAT_MS);
  await sleep(RUN_UP_MS);
  swarm.takeFigures();
  const before = await server.cpuMicros();
  await sleep(TURN_MS);
  const used = (await server.cpuMicros()) - before;
  const { answers, roundTripsMs } = swarm.takeFigures();
  swarm.stop();
  const at = (share: number): number => roundTripsMs[Math.floor(roundTripsMs.length * share)] ?? Number.NaN;
  return { microsPerHeartbeat: used / answers, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Always in the same order: in another one somebody would be silent for so long that his servers are suspect. */
async function playRound(servers: readonly MeasuredServer[]): Promise<Round> {
  const turns: [ServerKind, Turn][] = [];
  for (const server of servers) turns.push([server.kind, await takeTurn(server)]);
  return Object.fromEntries(turns) as Round;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function printServer({ kind, swarm }: MeasuredServer, rounds: readonly Round[]): void {
  const turns = rounds.map((round) => round[kind]);
  const micros = turns.map(({ microsPerHeartbeat }) => microsPerHeartbeat);
  const p50 = median(turns.map(({ p50Ms }) => p50Ms)).toFixed(2);
  const p99 = median(turns.map(({ p99Ms }) => p99Ms)).toFixed(2);
  console.log(
    `${kind.padEnd(15)} ${median(micros).toFixed(1).padStart(6)} µs CPU per heartbeat  round trip p50 ${p50} ms, p99 ${p99} ms` +
      `  streams lost: ${swarm.lost}  (rounds: ${micros.map((value) => value.toFixed(0)).join(' ')})`,
  );
}

function printRatio(
  what: string,
  goal: string,
  rounds: readonly Round[],
  [over, under]: [ServerKind, ServerKind],
): void {
  const ratio = median(rounds.map((round) => round[over].microsPerHeartbeat / round[under].microsPerHeartbeat));
  console.log(`${what.padEnd(52)} ${ratio.toFixed(2)} ${goal}`);
}

const [agents = 1_000, roundCount = 7] = process.argv.slice(2).map(Number);
const load = (): string => (loadavg()[0] ?? 0).toFixed(1);
console.log(
  `Node ${process.versions.node}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model}, load ${load()}`,
);
console.log(
  `${agents} agents per server, a heartbeat each every ${HEARTBEAT_MS} ms, ${roundCount} rounds with ${TURN_MS / 1000} s for each server`,
);

const servers: MeasuredServer[] = [];
for (const kind of SERVER_KINDS) {
  const server = await MeasuredServer.start(kind);
  servers.push(server);
  await server.swarm.join(agents);
  server.swarm.beat(IDLE_HEARTBEAT_MS);
}
for (const { swarm } of servers) swarm.stop();
for (let round = 0; round < WARM_UP_ROUNDS; round += 1) await playRound(servers);

const controllers = servers.filter(({ isController }) => isController);
const sumOf = async (line: string): Promise<number> => {
  const values = await Promise.all(controllers.map((server) => server.metric(line)));
  return values.reduce((sum, value) => sum + value, 0);
};
const commitsBefore = await sumOf('locum_commits_total');
const rounds: Round[] = [];
for (let round = 0; round < roundCount; round += 1) rounds.push(await playRound(servers));
const writes = (await sumOf('locum_commits_total')) - commitsBefore;
const missing = await sumOf('locum_servers{liveness="MISSING"}');
const suspect = await sumOf('locum_servers{liveness="SUSPECT"}');

for (const server of servers) printServer(server, rounds);
printRatio('controller with TLS, beside itself without', '(goal: at most 1.1)', rounds, [
  'controller-tls',
  'controller',
]);
printRatio('bare echo with TLS, beside itself without', '', rounds, ['echo-tls', 'echo']);
printRatio('controller, beside the bare echo', '(goal: at most 1.3)', rounds, ['controller', 'echo']);
printRatio('controller with TLS, beside the bare echo with TLS', '', rounds, ['controller-tls', 'echo-tls']);
console.log(`falsely missing: ${missing}, suspect: ${suspect}, store writes while idle: ${writes}, load ${load()}`);
for (const server of servers) await server.close();
