/** Agents, and hosts that wanted to join, that were refused for what they showed: the audit has them all, the event log some of them. */
import type { AuditFacts } from '../../../shared/access/audit-chain.ts';
import { type ServerId, serverId } from '../../../shared/ids.ts';
import { tell } from '../cluster/change.ts';
import type { ToTell } from '../cluster/refusal-tally.ts';
import type { Turn } from '../cluster/turn.ts';

/** Who comes by a method. */
const COMERS: ReadonlyMap<string, string> = new Map([
  ['locum.v1.AgentService/Connect', 'an agent'],
  ['locum.v1.EnrolmentService/Join', 'a host that wanted to join'],
]);

export function tellOfRefusal(turn: Turn, facts: AuditFacts): void {
  const { kind, method, outcome, resource, principal, source, count } = facts;
  const comer = COMERS.get(method);
  if (kind !== 'DENIAL' || comer === undefined) return;
  const what = JSON.stringify([method, outcome, resource, principal, source]);
  const toTell = turn.refusals.add(what, count, turn.now.mono);
  if (toTell === undefined) return;
  const id = serverIn(resource);
  const server = id === undefined || toTell.areOthers ? undefined : turn.state.servers.get(id);
  const details = toTell.areOthers ? {} : { reason: outcome, source };
  tell(turn, server ?? 'CLUSTER', {
    type: 'ENTRY_REFUSED',
    cause: 'CREDENTIALS',
    message: `${words(comer, facts, toTell)}${toTell.count === 1 ? '' : `, ${toTell.count} times`}`,
    details: { ...details, count: String(toTell.count) },
  });
}

const serverIn = (resource: string): ServerId | undefined => {
  const id = /^servers\/(.+)$/.exec(resource)?.[1];
  return id === undefined ? undefined : serverId(id);
};

/** `an agent was refused for WRONG_IDENTITY: servers/web-1, with the certificate of web-2, from 192.0.2.7`. */
function words(comer: string, { outcome, resource, principal, source }: AuditFacts, { areOthers }: ToTell): string {
  if (areOthers) return 'more were refused than are told apart: locum audit list';
  const certificate = /^agent:(.+)$/.exec(principal)?.[1];
  const shown = certificate === undefined ? '' : `with the certificate of ${certificate}`;
  const facts = [resource, shown, source === '' ? '' : `from ${source}`].filter((text) => text !== '');
  return `${comer} was refused for ${outcome}${facts.length === 0 ? '' : `: ${facts.join(', ')}`}`;
}
