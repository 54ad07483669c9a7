/** Names of resources (`servers/web-1`) and their ids (`web-1`). A name that does not fit gives undefined, never an exception. */
import type { AuditLogName } from './access/audit-chain.ts';
import { type PolicyId, type PoolId, policyId, poolId, type RunId, runId, type ServerId, serverId } from './ids.ts';

/** An id that a user may choose: lower case letters, digits and inner hyphens, a letter first, at most 63 characters. */
const USER_ID = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** A run's id is its policy's, a hyphen, and a number without leading zeros. */
const RUN_ID = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?-[1-9][0-9]{0,15}$/;
const EVENT_NUMBER = /^0*[1-9][0-9]{0,15}$/;

/** Whether this can be the id of a pool, server or policy. */
export function isUserId(id: string): boolean {
  return USER_ID.test(id);
}

function idIn(collection: string, form: RegExp, name: string): string | undefined {
  if (!name.startsWith(`${collection}/`)) return undefined;
  const id = name.slice(collection.length + 1);
  return form.test(id) ? id : undefined;
}

export function parsePoolName(name: string): PoolId | undefined {
  const id = idIn('pools', USER_ID, name);
  return id === undefined ? undefined : poolId(id);
}

export function parseServerName(name: string): ServerId | undefined {
  const id = idIn('servers', USER_ID, name);
  return id === undefined ? undefined : serverId(id);
}

export function parsePolicyName(name: string): PolicyId | undefined {
  const id = idIn('policies', USER_ID, name);
  return id === undefined ? undefined : policyId(id);
}

export function parseRunName(name: string): RunId | undefined {
  const id = idIn('runs', RUN_ID, name);
  return id === undefined ? undefined : runId(id);
}

/** The number of an event. */
export function parseEventName(name: string): number | undefined {
  const id = idIn('events', EVENT_NUMBER, name);
  const number = Number(id);
  return id !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

const AUDIT_NAME = /^audit\/(changes|access)\/([1-9][0-9]{0,15})$/;

/** Log and number of an entry of the audit. */
export function parseAuditName(name: string): { readonly log: AuditLogName; readonly number: number } | undefined {
  const [, log, digits] = AUDIT_NAME.exec(name) ?? [];
  const number = Number(digits);
  if (!Number.isSafeInteger(number)) return undefined;
  return { log: log === 'changes' ? 'CHANGES' : 'ACCESS', number };
}

export const poolName = (id: PoolId): string => `pools/${id}`;
export const serverName = (id: ServerId): string => `servers/${id}`;
export const policyName = (id: PolicyId): string => `policies/${id}`;
export const runName = (id: RunId): string => `runs/${id}`;
export const auditName = (log: AuditLogName, number: number): string => `audit/${log.toLowerCase()}/${number}`;
/** Without leading zeros: names are for people, keys of the store are for sorting. */
export const eventName = (number: number): string => `events/${number}`;
