/** Servers as people see them. */
import { CapabilitySourceSchema } from '../../shared/gen/locum/v1/capability_pb.ts';
import {
  Gate,
  GateSchema,
  IntentSchema,
  LivenessSchema,
  LoadSchema,
  type Server,
  ServerRoleSchema,
} from '../../shared/gen/locum/v1/server_pb.ts';
import type { View } from '../output/print.ts';
import { type Cell, type Column, cell, renderFacts, Table } from '../output/table.ts';
import { age, idOf, idsOf, moment, stateCell, word } from '../output/words.ts';

function slots({ usedSlots, reservedSlots, effectiveMaxSlots, overCapacity }: Server): Cell {
  const reserved = reservedSlots > 0 ? `+${reservedSlots}` : '';
  return cell(`${usedSlots}${reserved}/${effectiveMaxSlots}`, overCapacity ? 'warn' : undefined);
}

/** Where the controller itself keeps runs away, that is the answer. */
function availability({ available, gate }: Server): Cell {
  if (available) return cell('yes', 'good');
  return isClosed(gate) ? cell(word(GateSchema, gate), 'warn') : cell('no', 'warn');
}

const isClosed = (gate: Gate): boolean => gate === Gate.PROBATION || gate === Gate.QUARANTINED;

export const serverColumns: readonly Column<Server>[] = [
  { head: 'RANK', right: true, cell: ({ rank }) => rank },
  { head: 'SERVER', cell: ({ name }) => idOf(name) },
  { head: 'POOL', wide: true, cell: ({ pool }) => idOf(pool) },
  { head: 'ROLE', cell: ({ role }) => word(ServerRoleSchema, role) },
  { head: 'LIVENESS', cell: ({ liveness }) => stateCell(LivenessSchema, liveness) },
  {
    head: 'INTENT',
    cell: ({ intent, deleting }) => (deleting ? cell('DELETING', 'warn') : stateCell(IntentSchema, intent)),
  },
  { head: 'LOAD', wide: true, cell: ({ load }) => stateCell(LoadSchema, load) },
  { head: 'AVAILABLE', cell: availability },
  { head: 'SLOTS', right: true, cell: slots },
  { head: 'RUNS', right: true, cell: ({ runs }) => runs.length },
  {
    head: 'HEARTBEAT',
    volatile: true,
    cell: ({ lastHeartbeatTime }) => (lastHeartbeatTime === undefined ? '' : `${age(lastHeartbeatTime)} ago`),
  },
  { head: 'AGENT', wide: true, cell: ({ agentVersion }) => agentVersion },
  {
    head: 'CAPABILITIES',
    wide: true,
    cell: ({ capabilities }) =>
      capabilities.map(({ name, value }) => (value === '' ? name : `${name}=${value}`)).join(' '),
  },
];

export function serverListView(servers: readonly Server[]): View {
  return {
    table: (look) =>
      servers.length === 0
        ? 'No server has registered yet. Start one with "locum agent".'
        : new Table(serverColumns, look).render(servers),
    names: () => servers.map(({ name }) => name),
  };
}

export function serverView(server: Server | undefined): View {
  return {
    table: ({ wide }) => (server === undefined ? '' : serverText(server, wide)),
    names: () => (server === undefined ? [] : [server.name]),
  };
}

function drainText({ drain }: Server): string {
  if (drain === undefined) return '';
  const end = drain.deadline === undefined ? '' : `, the rest is stopped at ${moment(drain.deadline)}`;
  const jobs = drain.letFinish ? ', jobs may finish' : '';
  return drain.done ? 'done' : `since ${moment(drain.startTime)}${jobs}${end}`;
}

function gateText({ gate, gateStatus }: Server): Cell | string {
  if (gateStatus === undefined) return '';
  const { sinceTime, untilTime, reason } = gateStatus;
  const until = untilTime === undefined ? '' : `, until ${moment(untilTime)}`;
  return cell(`${word(GateSchema, gate)} since ${moment(sinceTime)}${until}: ${reason}`, 'warn');
}

function certificateText({ certificate }: Server): Cell | string {
  if (certificate === undefined) return '';
  const { startTime, expireTime, renewalProblem } = certificate;
  const until = `since ${moment(startTime)}, until ${moment(expireTime)}`;
  return renewalProblem === '' ? until : cell(`${until}, not renewed: ${renewalProblem}`, 'warn');
}

const probeFact = ({ probe, detail, sinceTime }: Server['probeFailures'][number]) =>
  [`probe ${probe}`, cell(`fails since ${moment(sinceTime)}: ${detail}`, 'warn')] as const;

function serverText(server: Server, wide: boolean): string {
  const { capabilities, drain } = server;
  const facts = renderFacts([
    ['server', idOf(server.name)],
    ['pool', idOf(server.pool)],
    ['rank', `${server.rank} (${word(ServerRoleSchema, server.role)})`],
    ['liveness', stateCell(LivenessSchema, server.liveness)],
    ['intent', server.deleting ? cell('DELETING', 'warn') : stateCell(IntentSchema, server.intent)],
    // Of one that is silent nobody knows.
    ['load', server.connected ? stateCell(LoadSchema, server.load) : ''],
    ['available', server.available ? 'yes' : 'no'],
    ['gate', gateText(server)],
    ...server.probeFailures.map(probeFact),
    ['slots', `${slots(server).text}${server.overCapacity ? ', over its limit: nothing is stopped for that' : ''}`],
    ['runs', idsOf(server.runs)],
    ['drain', drainText(server)],
    ['connected', server.connected ? 'yes' : 'no'],
    ['last heartbeat', server.lastHeartbeatTime === undefined ? '' : `${age(server.lastHeartbeatTime)} ago`],
    [
      'labels',
      Object.entries(server.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ],
    ['certificate', certificateText(server)],
    ['agent', server.agentVersion],
    ['uid', server.uid],
    ['boot', server.bootId],
    ['registered', moment(server.createTime)],
    ['events', `locum events --about ${server.name}`],
    ['etag', wide ? server.etag : ''],
  ]);
  const blocked =
    drain === undefined || drain.blocked.length === 0
      ? []
      : ['', 'Not drained yet:', ...drain.blocked.map((line) => `  ${line}`)];
  const known = capabilities.length === 0 ? [] : ['', new Table(capabilityColumns, { wide }).render(capabilities)];
  return [facts, ...blocked, ...known].join('\n');
}

const capabilityColumns: readonly Column<Server['capabilities'][number]>[] = [
  { head: 'CAPABILITY', cell: ({ name }) => name },
  { head: 'VALUE', cell: ({ value }) => value },
  { head: 'SOURCE', cell: ({ source }) => word(CapabilitySourceSchema, source) },
];
