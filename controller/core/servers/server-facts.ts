/** What a server says about itself: identity, capabilities, capacity and load. Written only when it changed. */

import { deepEqual } from '../../../shared/deep-equal.ts';
import type { Capacity } from '../../../shared/protocol/agent-message.ts';
import type { Capability, ProbeFailure } from '../../../shared/protocol/capability.ts';
import { change, type News, SILENT, tell } from '../cluster/change.ts';
import type { WholeHello } from '../cluster/event.ts';
import type { Turn } from '../cluster/turn.ts';
import type { Server } from '../records/state.ts';
import { noteNeverReports, noteReported } from './server-gate.ts';

export function applyFacts(turn: Turn, server: Server, facts: WholeHello): void {
  const { instanceId, machineId, bootId, agentVersion } = facts;
  change(
    turn,
    server,
    { instanceId, machineId, bootId, agentVersion },
    {
      type: 'SERVER_IDENTITY_CHANGED',
      cause: 'HELLO',
      message: `${server.id} is back ${whatIsNew(server, facts)}`,
    },
  );
  applyCapabilities(turn, server, facts.capabilities);
  applyProbeFailures(turn, server, facts.probeFailures);
  applyCapacity(turn, server, facts.capacity);
  if (facts.hostProblems === undefined) noteNeverReports(turn, server);
  else noteReported(turn, server, facts.hostProblems);
}

/** In words that give away nothing that an agent is known by. */
function whatIsNew(server: Server, facts: WholeHello): string {
  const { agentVersion } = facts;
  const news = [
    ...(facts.instanceId === server.instanceId ? [] : ['from another state directory']),
    ...(facts.machineId === server.machineId ? [] : ['on another machine']),
    ...(facts.bootId === server.bootId ? [] : ['after another boot']),
    ...(agentVersion === server.agentVersion
      ? []
      : [`with agent ${agentVersion}, before it was ${server.agentVersion}`]),
  ];
  return news.join(', ');
}

export function applyCapabilities(turn: Turn, server: Server, capabilities: readonly Capability[]): void {
  const lost = server.capabilities.filter((one) => !capabilities.some((other) => isSame(one, other)));
  const gained = capabilities.filter((one) => !server.capabilities.some((other) => isSame(one, other)));
  if (lost.length === 0 && gained.length === 0) return;
  const said = [...gained.map((one) => `+${show(one)}`), ...lost.map((one) => `-${show(one)}`)];
  const message = `${server.id}: ${said.slice(0, 20).join(' ')}${said.length > 20 ? ` and ${said.length - 20} more` : ''}`;
  change(turn, server, { capabilities }, { type: 'SERVER_CAPABILITIES_CHANGED', cause: 'AGENT', message });
}

/** Each is told of when it begins to fail and when it answers again; another way of failing is shown, and no news. */
export function applyProbeFailures(turn: Turn, server: Server, failing: readonly ProbeFailure[] = []): void {
  const before = new Map(server.probeFailures.map((one) => [one.probe, one]));
  const after = new Map(
    failing.map(({ probe, detail }) => [
      probe,
      { probe, detail, sinceWall: before.get(probe)?.sinceWall ?? turn.now.wall },
    ]),
  );
  if (deepEqual([...before.values()], [...after.values()])) return;
  change(turn, server, { probeFailures: [...after.values()] }, SILENT);
  for (const { probe, detail } of after.values()) {
    if (before.has(probe)) continue;
    const message = `${server.id}: probe ${probe} fails, what it tells is not known: ${detail}`;
    tell(turn, server, { type: 'SERVER_PROBE_FAILING', cause: 'AGENT', message, details: { probe } });
  }
  for (const { probe, sinceWall } of before.values()) {
    if (after.has(probe)) continue;
    const seconds = Math.round((turn.now.wall - sinceWall) / 1000);
    const message = `${server.id}: probe ${probe} answers again, after ${seconds} s, or is not configured any more`;
    tell(turn, server, { type: 'SERVER_PROBE_ANSWERS', cause: 'AGENT', message, details: { probe } });
  }
}

export function applyCapacity(turn: Turn, server: Server, capacity: Capacity): void {
  const { maxSlots: agentMaxSlots, saturated } = capacity;
  // An agent's limit is its configuration: it is shown, and no news.
  const news = server.saturated === saturated ? SILENT : loadNews(server, saturated);
  change(turn, server, { agentMaxSlots, saturated }, news);
}

const loadNews = ({ id }: Server, saturated: boolean): News =>
  saturated
    ? { type: 'SERVER_SATURATED', cause: 'LOAD', message: `${id} takes no new runs: its load is over its mark` }
    : { type: 'SERVER_UNSATURATED', cause: 'LOAD', message: `${id} takes runs again` };

const isSame = (a: Capability, b: Capability): boolean =>
  a.name === b.name && a.value === b.value && a.source === b.source;
const show = (capability: Capability): string =>
  capability.value === '' ? capability.name : `${capability.name}=${capability.value}`;
