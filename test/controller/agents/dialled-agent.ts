/** An agent's own dial, over a real socket, by hand. */
import { onTestFinished } from 'vitest';
import { Connection } from '../../../agent/connection.ts';
import type { Event as AgentEvent } from '../../../agent/core/event.ts';
import type { PeerRule } from '../../../shared/access/peer-judge.ts';
import { agentMessageToProto } from '../../../shared/codec/agent-message.ts';
import { serverId } from '../../../shared/ids.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';
import { TlsIdentity, type TlsMaterial } from '../../../shared/rpc/tls-identity.ts';
import { HOST } from '../../agent/core/virtual-agent.ts';

/** Dials as an agent does; the events of its stream, one after the other. `own` undefined: in plaintext. `wanted`: of which controllers. */
export function dialled(endpoint: string, own: TlsMaterial | undefined, wanted: Partial<PeerRule> = {}) {
  const events: AgentEvent[] = [];
  let wake = (): void => undefined;
  const rule: PeerRule = { clusterId: 'c', kinds: ['controller'], ...wanted };
  const post = (event: AgentEvent): void => {
    events.push(event);
    wake();
  };
  const connection = new Connection(post, own === undefined ? undefined : { identity: new TlsIdentity(own), rule });
  connection.dial(1, endpoint, 5_000);
  onTestFinished(() => connection.drop(1));
  const next = async (): Promise<AgentEvent> => {
    for (;;) {
      const event = events.shift();
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const hello = (server: string, pool = 'default', capabilities: readonly Capability[] = []): void => {
    const capacity = { maxSlots: undefined, saturated: false, cpuPercent: 0, memoryPercent: 0 };
    const numbers = { uptimeMs: 0, highestTerm: 0, highestEpoch: 0, hostProblems: [] };
    const facts = { ...HOST, ...numbers, uid: undefined, clusterId: '', capabilities, capacity };
    const named = { ...facts, server: serverId(server), pool: pool as typeof HOST.pool };
    connection.send(1, agentMessageToProto({ kind: 'hello', facts: named, attempts: [], lastPart: true }));
  };
  const goodbye = (): void => {
    connection.send(1, agentMessageToProto({ kind: 'goodbye', reason: 'LEAVE', attempts: [] }));
  };
  const beat = (sequence: number): void => {
    const nothing = { capacity: undefined, capabilities: undefined };
    connection.send(1, agentMessageToProto({ kind: 'heartbeat', sequence, generation: 1, ...nothing }));
  };
  return { next, hello, goodbye, beat };
}

export async function reasonOfEnd(next: () => Promise<AgentEvent>): Promise<string> {
  for (;;) {
    const event = await next();
    if (event.kind === 'closed') return event.reason;
  }
}
