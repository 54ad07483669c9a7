/** A controller's end of an agent's stream: puts a Hello together from its parts, and makes events of messages, as the listener does. */
import type { FromLeader, ToLeader } from '../../agent/core/message.ts';
import type { FromAgent, ReportedAttempt } from '../../controller/core/cluster/event.ts';
import type { ConnId } from '../../controller/core/records/state.ts';
import { uid } from '../../shared/ids.ts';
import type { Host } from './host.ts';
import type { Stream } from './network.ts';

/** The agent's end of a stream. */
export interface AgentEnd {
  readonly host: Host;
  readonly agentLife: number;
  readonly receive: (term: number, message: FromLeader) => void;
}

export interface Conn {
  readonly stream: Stream;
  readonly end: AgentEnd;
  hello: Extract<ToLeader, { kind: 'hello' }>['facts'] | undefined;
  parts: ReportedAttempt[];
}

/** Undefined: a part of something, or nothing for the core. `nowMs` is the world's time. */
export function eventOf(conn: ConnId, known: Conn, message: ToLeader, nowMs: number): FromAgent | undefined {
  switch (message.kind) {
    case 'hello':
      known.hello ??= message.facts;
      known.parts.push(...message.attempts);
      return message.lastPart ? { kind: 'hello', conn, hello: helloFacts(known, nowMs) } : undefined;
    case 'heartbeat':
      return { ...message, conn, capacity: message.capacity };
    case 'report':
      return { kind: 'report', conn, attempts: message.attempts };
    case 'command_result':
      return { kind: 'command_result', conn, commandId: message.commandId, ...message.answer };
    case 'full_state':
      known.parts = message.lastPart ? known.parts : [...known.parts, ...message.attempts];
      return { kind: 'full_state', conn, generation: message.generation, inventory: message.attempts };
    case 'goodbye':
      return { kind: 'goodbye', conn, attempts: message.attempts, reason: message.reason };
    case 'output_chunk':
      return undefined;
  }
}

function helloFacts({ hello, parts, end }: Conn, nowMs: number): Extract<FromAgent, { kind: 'hello' }>['hello'] {
  const { host } = end;
  const {
    clusterId = '',
    uid: known = '',
    capabilities = [],
    capacity,
    highestTerm = 0,
    highestEpoch = 0,
    hostProblems = [],
  } = hello ?? {};
  return {
    ...{ server: host.server, pool: host.pool, uid: known === '' ? undefined : uid(known), clusterId },
    ...{ instanceId: host.directory.instanceId, machineId: host.machineId, bootId: host.bootId },
    uptimeMs: host.clock.boot(nowMs),
    agentVersion: 'sim',
    capabilities,
    capacity: { maxSlots: capacity?.maxSlots, saturated: capacity?.saturated ?? false },
    inventory: parts,
    ...{ highestTerm, highestEpoch, hostProblems },
  };
}
