/** Keys of the store: `{folder}/{id}`. */
import type { AuditLogName } from '../../../shared/access/audit-chain.ts';
import {
  type PolicyId,
  type PoolId,
  policyId,
  poolId,
  type RunId,
  runId,
  type ServerId,
  serverId,
} from '../../../shared/ids.ts';
import { AUTHORITY_KEY } from './authority.ts';
import { joinTokenName } from './join-token.ts';
import type { StateRecord } from './state.ts';

export function recordKey(record: StateRecord): string {
  switch (record.kind) {
    case 'meta':
      return 'meta';
    case 'pool':
      return `pools/${record.id}`;
    case 'server':
      return `servers/${record.id}`;
    case 'policy':
      return `policies/${record.id}`;
    case 'run':
      return `runs/${record.id}`;
    case 'event':
      return eventKey(record.number);
    case 'request':
      return `requests/${record.id}`;
    case 'join_token':
      return joinTokenName(record);
    case 'revocation':
      return `revocations/${record.server}`;
    case 'authority':
      return AUTHORITY_KEY;
    case 'audit':
      return auditKey(record.entry.log, record.entry.number);
    case 'audit_head':
      return auditFolder(record.log);
    case 'role':
    case 'user':
      return `${record.kind}s/${record.name}`;
    case 'token':
      return `tokens/${record.id}`;
    case 'hook':
      return hookKey(record.hook);
  }
}

export const hookKey = (hook: string): string => `hooks/${hook}`;

const sorting = (number: number): string => String(number).padStart(16, '0');

/** Event keys sort by number. */
export const eventKey = (number: number): string => `events/${sorting(number)}`;

const auditFolder = (log: AuditLogName): string => `audit/${log.toLowerCase()}`;

/** As those of events, in the folder of their log. */
export const auditKey = (log: AuditLogName, number: number): string => `${auditFolder(log)}/${sorting(number)}`;

/** Takes a resource key apart again. */
export function resourceOf(
  key: string,
):
  | { readonly kind: 'pool'; readonly id: PoolId }
  | { readonly kind: 'server'; readonly id: ServerId }
  | { readonly kind: 'policy'; readonly id: PolicyId }
  | { readonly kind: 'run'; readonly id: RunId }
  | { readonly kind: 'other' } {
  const [folder, id] = key.split('/');
  if (id === undefined) return { kind: 'other' };
  switch (folder ?? '') {
    case 'pools':
      return { kind: 'pool', id: poolId(id) };
    case 'servers':
      return { kind: 'server', id: serverId(id) };
    case 'policies':
      return { kind: 'policy', id: policyId(id) };
    case 'runs':
      return { kind: 'run', id: runId(id) };
    default:
      return { kind: 'other' };
  }
}
