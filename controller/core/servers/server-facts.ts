/** What a server says about itself: identity, capabilities, capacity and load. Written only when it changed. */

import type { HelloFacts, ReportedCapacity } from '../cluster/event.ts';
import type { Turn } from '../cluster/turn.ts';
import type { Capability } from '../records/capability.ts';
import type { Server } from '../records/state.ts';
import { touchServer } from './liveness.ts';
import { noteReported, noteSilent } from './server-gate.ts';

export function applyFacts(turn: Turn, server: Server, facts: HelloFacts): void {
  const same =
    server.instanceId === facts.instanceId &&
    server.machineId === facts.machineId &&
    server.bootId === facts.bootId &&
    server.agentVersion === facts.agentVersion;
  if (!same) {
    server.instanceId = facts.instanceId;
    server.machineId = facts.machineId;
    server.bootId = facts.bootId;
    server.agentVersion = facts.agentVersion;
    turn.journal.put(server);
    turn.journal.event({
      type: 'SERVER_IDENTITY_CHANGED',
      cause: 'HELLO',
      message: `${server.id} is now instance ${facts.instanceId}, machine ${facts.machineId}, boot ${facts.bootId}, agent ${facts.agentVersion}`,
      pool: server.pool,
      server: server.id,
    });
  }
  applyCapabilities(turn, server, facts.capabilities);
  applyCapacity(turn, server, facts.capacity);
  if (facts.hostProblems === undefined) noteSilent(turn, server);
  else noteReported(turn, server, facts.hostProblems);
}

export function applyCapabilities(turn: Turn, server: Server, capabilities: readonly Capability[]): void {
  const lost = server.capabilities.filter((one) => !capabilities.some((other) => isSame(one, other)));
  const gained = capabilities.filter((one) => !server.capabilities.some((other) => isSame(one, other)));
  if (lost.length === 0 && gained.length === 0) return;
  server.capabilities = capabilities;
  turn.journal.put(server);
  const said = [...gained.map((one) => `+${show(one)}`), ...lost.map((one) => `-${show(one)}`)];
  turn.journal.event({
    type: 'SERVER_CAPABILITIES_CHANGED',
    cause: 'AGENT',
    message: `${server.id}: ${said.slice(0, 20).join(' ')}${said.length > 20 ? ` and ${said.length - 20} more` : ''}`,
    pool: server.pool,
    server: server.id,
  });
  touchServer(turn, server);
}

export function applyCapacity(turn: Turn, server: Server, capacity: ReportedCapacity): void {
  if (server.agentMaxSlots === capacity.maxSlots && server.saturated === capacity.saturated) return;
  const loadChanged = server.saturated !== capacity.saturated;
  server.agentMaxSlots = capacity.maxSlots;
  server.saturated = capacity.saturated;
  turn.journal.put(server);
  if (loadChanged) {
    turn.journal.event({
      type: capacity.saturated ? 'SERVER_SATURATED' : 'SERVER_UNSATURATED',
      cause: 'LOAD',
      message: capacity.saturated
        ? `${server.id} takes no new runs: its load is over its mark`
        : `${server.id} takes runs again`,
      pool: server.pool,
      server: server.id,
    });
  }
  touchServer(turn, server);
}

const isSame = (a: Capability, b: Capability): boolean =>
  a.name === b.name && a.value === b.value && a.source === b.source;
const show = (capability: Capability): string =>
  capability.value === '' ? capability.name : `${capability.name}=${capability.value}`;
