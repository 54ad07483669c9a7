/** What a server says about itself: identity, capabilities, capacity and load. Written only when it changed. */

import type { HelloFacts, ReportedCapacity } from '../cluster/event.ts';
import type { Context } from '../cluster/turn.ts';
import type { Capability } from '../records/capability.ts';
import type { Server } from '../records/state.ts';
import { touchServer } from './liveness.ts';
import { noteReported, noteSilent } from './server-gate.ts';

export function applyFacts(ctx: Context, server: Server, facts: HelloFacts): void {
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
    ctx.journal.put(server);
    ctx.journal.event({
      type: 'SERVER_IDENTITY_CHANGED',
      cause: 'HELLO',
      message: `${server.id} is now instance ${facts.instanceId}, machine ${facts.machineId}, boot ${facts.bootId}, agent ${facts.agentVersion}`,
      pool: server.pool,
      server: server.id,
    });
  }
  applyCapabilities(ctx, server, facts.capabilities);
  applyCapacity(ctx, server, facts.capacity);
  if (facts.hostProblems === undefined) noteSilent(ctx, server);
  else noteReported(ctx, server, facts.hostProblems);
}

export function applyCapabilities(ctx: Context, server: Server, capabilities: readonly Capability[]): void {
  const lost = server.capabilities.filter((one) => !capabilities.some((other) => isSame(one, other)));
  const gained = capabilities.filter((one) => !server.capabilities.some((other) => isSame(one, other)));
  if (lost.length === 0 && gained.length === 0) return;
  server.capabilities = capabilities;
  ctx.journal.put(server);
  const said = [...gained.map((one) => `+${show(one)}`), ...lost.map((one) => `-${show(one)}`)];
  ctx.journal.event({
    type: 'SERVER_CAPABILITIES_CHANGED',
    cause: 'AGENT',
    message: `${server.id}: ${said.slice(0, 20).join(' ')}${said.length > 20 ? ` and ${said.length - 20} more` : ''}`,
    pool: server.pool,
    server: server.id,
  });
  touchServer(ctx, server);
}

export function applyCapacity(ctx: Context, server: Server, capacity: ReportedCapacity): void {
  if (server.agentMaxSlots === capacity.maxSlots && server.saturated === capacity.saturated) return;
  const loadChanged = server.saturated !== capacity.saturated;
  server.agentMaxSlots = capacity.maxSlots;
  server.saturated = capacity.saturated;
  ctx.journal.put(server);
  if (loadChanged) {
    ctx.journal.event({
      type: capacity.saturated ? 'SERVER_SATURATED' : 'SERVER_UNSATURATED',
      cause: 'LOAD',
      message: capacity.saturated
        ? `${server.id} takes no new runs: its load is over its mark`
        : `${server.id} takes runs again`,
      pool: server.pool,
      server: server.id,
    });
  }
  touchServer(ctx, server);
}

const isSame = (a: Capability, b: Capability): boolean =>
  a.name === b.name && a.value === b.value && a.source === b.source;
const show = (capability: Capability): string =>
  capability.value === '' ? capability.name : `${capability.name}=${capability.value}`;
