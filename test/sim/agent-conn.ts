/** A controller's end of an agent's stream: puts a Hello together from its parts, and makes events of messages, as the listener does. */

import { certifiedHello } from '../../controller/agents/certified-hello.ts';
import type { FromAgent } from '../../controller/core/cluster/event.ts';
import type { ConnId } from '../../controller/core/records/state.ts';
import type { AcceptedPeer } from '../../shared/access/peer-judge.ts';
import type { AgentMessage, HelloFacts } from '../../shared/protocol/agent-message.ts';
import type { ReportedAttempt } from '../../shared/protocol/attempt.ts';
import type { LeaderMessage } from '../../shared/protocol/leader-message.ts';
import type { Host } from './host.ts';
import type { Stream } from './network.ts';

/** The agent's end of a stream. */
export interface AgentEnd {
  readonly host: Host;
  readonly agentLife: number;
  /** True time of the handshake. */
  readonly openedAt: number;
  /** Whose certificate its connection has. Undefined: a world without any. */
  readonly peer: AcceptedPeer | undefined;
  /** The root that let it in. */
  readonly issuer?: string | undefined;
  readonly receive: (term: number, message: LeaderMessage) => void;
}

export interface Conn {
  readonly stream: Stream;
  readonly end: AgentEnd;
  hello: HelloFacts | undefined;
  parts: ReportedAttempt[];
}

/** Undefined: a part of something, or nothing for the core. @throws LocumError WRONG_IDENTITY */
export function eventOf(conn: ConnId, known: Conn, message: AgentMessage): FromAgent | undefined {
  switch (message.kind) {
    case 'hello':
      known.hello ??= message.facts;
      known.parts.push(...message.attempts);
      if (!message.lastPart) return undefined;
      return { kind: 'hello', conn, hello: certifiedHello(known.end.peer, { ...known.hello, inventory: known.parts }) };
    case 'heartbeat':
    case 'report':
    case 'command_result':
    case 'goodbye':
      return { ...message, conn };
    case 'full_state':
      known.parts = message.lastPart ? known.parts : [...known.parts, ...message.attempts];
      return { kind: 'full_state', conn, generation: message.generation, inventory: message.attempts };
    case 'output_chunk':
      return undefined;
  }
}
