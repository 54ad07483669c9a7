/**
 * What an idle agent takes of the server's memory, in a controller and in a bare grpc-js echo, plain and with certificates on both ends:
 * the second half of `npm run bench -- memory`. What is loaded or grown by the first agents is not counted: it is the difference between
 * a few agents and many, each of which has said Hello and sends a heartbeat now and then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVER_KINDS, type ServerKind } from './agent-server.ts';
import { MeasuredServer } from './measured-server.ts';

const FIRST_AGENTS = 200;
const HEARTBEAT_MS = 5_000;
/** Each agent has sent a heartbeat by then, and what its handshake needed is free. */
const SETTLE_MS = 12_000;

interface PerAgent {
  readonly residentKiB: number;
  readonly heapKiB: number;
}

/** `agents`: how many join after the first few. */
export async function printIdleMemory(agents: number): Promise<void> {
  console.log(`memory of the server per idle agent, ${agents} beside the first ${FIRST_AGENTS}:`);
  for (const kind of SERVER_KINDS) {
    const { residentKiB, heapKiB } = await perAgent(kind, agents);
    console.log(
      `  ${kind.padEnd(15)} ${residentKiB.toFixed(1).padStart(6)} KiB resident, ${heapKiB.toFixed(1).padStart(5)} KiB of it on the heap`,
    );
  }
}

async function perAgent(kind: ServerKind, agents: number): Promise<PerAgent> {
  const server = await MeasuredServer.start(kind);
  const few = await memoryWith(server, FIRST_AGENTS);
  const many = await memoryWith(server, agents);
  await server.close();
  const kib = (bytes: number): number => bytes / 1024 / agents;
  return {
    residentKiB: kib(many.residentBytes - few.residentBytes),
    heapKiB: kib(many.heapBytes - few.heapBytes),
  };
}

async function memoryWith(server: MeasuredServer, more: number): ReturnType<MeasuredServer['memory']> {
  await server.swarm.join(more);
  server.swarm.beat(HEARTBEAT_MS);
  await sleep(SETTLE_MS);
  return server.memory();
}
