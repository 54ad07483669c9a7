/** Roles, tokens and users. Nobody gives what he does not have, nor takes it from others. */
import type { Rights } from '../../../shared/access/authorize.ts';
import { BUILT_IN_ROLES, isGivable } from '../../../shared/access/permissions.ts';
import type { RoleGrant } from '../../../shared/access/principal.ts';
import { badField, LocumError, notFound, stateProblem } from '../../../shared/errors.ts';
import { dropAccess, keepAccess } from '../cluster/change.ts';
import type { Turn, View } from '../cluster/turn.ts';
import type { AccessRecord } from '../records/access-record.ts';
import type { CallOf, Outcome } from './outcome.ts';

/** What a cluster keeps of each at most: they are listed in one answer, and all are in memory. */
const MAX = { role: 200, token: 2_000, user: 2_000 } as const;

const outcomeOf = (record: AccessRecord): Outcome => ({
  resource: nameOf(record),
  value: { kind: 'access', record },
});

export const nameOf = (record: AccessRecord): string =>
  record.kind === 'token' ? `tokens/${record.id}` : `${record.kind}s/${record.name}`;

export function setRole(turn: Turn, { role, rights }: CallOf<'set_role'>, validateOnly: boolean): Outcome {
  const { access } = turn.state;
  if (BUILT_IN_ROLES.some(({ name }) => name === role.name))
    throw badField('IMMUTABLE_FIELD', 'role.name', `${role.name} is always there, as it is: choose another name`);
  const notGivable = role.permissions.find((permission) => !isGivable(permission));
  if (notGivable !== undefined) throw badField('INVALID_FIELD', 'role.permissions', `${notGivable} can not be given`);
  const wanted = { ...role, kind: 'role', updateWall: turn.now.wall } as const;
  const grants = [{ role: role.name }];
  refuseGiving(rights, grants, (name) => (name === role.name ? wanted : access.roles.get(name)));
  refuseTaking(turn, rights, { resource: `roles/${role.name}`, grants });
  checkRoom(turn, 'role', access.roles.has(role.name));
  if (!validateOnly) {
    const what = access.roles.has(role.name) ? 'changed' : 'created';
    const message = `role ${role.name} was ${what}: ${role.permissions.join(', ') || 'no permissions'}`;
    keepAccess(turn, wanted, { type: 'ROLE_SET', cause: 'OPERATOR', message });
  }
  return outcomeOf(wanted);
}

export function deleteRole(turn: Turn, { name, rights }: CallOf<'delete_role'>, validateOnly: boolean): Outcome {
  const { access } = turn.state;
  const role = access.roles.get(name);
  if (BUILT_IN_ROLES.some((one) => one.name === name))
    throw badField('IMMUTABLE_FIELD', 'name', `roles/${name} is always there`);
  if (role === undefined) throw notFound(`roles/${name}`);
  refuseTaking(turn, rights, { resource: `roles/${name}`, grants: [{ role: name }] });
  const [holder, ...more] = access.holdersOf(name);
  if (holder !== undefined) {
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    throw stateProblem('ROLE_IN_USE', `roles/${name}`, `${holder}${others} has the role ${name}: take it away first`);
  }
  return drop(turn, role, validateOnly, { type: 'ROLE_DELETED', message: `role ${name} was deleted` });
}

export function createToken(turn: Turn, { token, rights }: CallOf<'create_token'>, validateOnly: boolean): Outcome {
  checkGrants(turn, token.roles, rights);
  forgetExpired(turn, validateOnly);
  checkRoom(turn, 'token', false);
  const { wall } = turn.now;
  const { ttlMs, ...facts } = token;
  const made = { lastUseWall: undefined, creator: turn.journal.actor } as const;
  const record = { kind: 'token', ...facts, ...made, createWall: wall, expireWall: wall + ttlMs } as const;
  if (!validateOnly) {
    const message = `token ${token.id} was made for ${token.holder}: ${inWords(token.roles)}`;
    keepAccess(turn, record, { type: 'TOKEN_CREATED', cause: 'OPERATOR', message });
  }
  return outcomeOf(record);
}

export function revokeToken(turn: Turn, { id, rights }: CallOf<'revoke_token'>, validateOnly: boolean): Outcome {
  const token = turn.state.access.tokens.get(id);
  if (token === undefined) throw notFound(`tokens/${id}`);
  refuseTaking(turn, rights, { resource: `tokens/${id}`, grants: token.roles });
  return drop(turn, token, validateOnly, {
    type: 'TOKEN_REVOKED',
    message: `token ${id} of ${token.holder} was revoked`,
  });
}

/** The leader's own: somebody used it. */
export function noteTokenUse(turn: Turn, { id }: CallOf<'note_token_use'>, validateOnly: boolean): Outcome {
  const token = turn.state.access.tokens.get(id);
  if (token !== undefined && !validateOnly) keepAccess(turn, { ...token, lastUseWall: turn.now.wall }, undefined);
  return { resource: `tokens/${id}`, value: { kind: 'noted' } };
}

export function setUser(turn: Turn, { name, roles, rights }: CallOf<'set_user'>, validateOnly: boolean): Outcome {
  checkGrants(turn, roles, rights);
  const known = turn.state.access.users.get(name);
  if (known !== undefined) refuseTaking(turn, rights, { resource: `users/${name}`, grants: known.roles });
  checkRoom(turn, 'user', turn.state.access.users.has(name));
  const record = { kind: 'user', name, roles, updateWall: turn.now.wall } as const;
  if (!validateOnly) {
    const message = `user ${name} has now: ${inWords(roles)}`;
    keepAccess(turn, record, { type: 'USER_SET', cause: 'OPERATOR', message });
  }
  return outcomeOf(record);
}

export function deleteUser(turn: Turn, { name, rights }: CallOf<'delete_user'>, validateOnly: boolean): Outcome {
  const user = turn.state.access.users.get(name);
  if (user === undefined) throw notFound(`users/${name}`);
  refuseTaking(turn, rights, { resource: `users/${name}`, grants: user.roles });
  return drop(turn, user, validateOnly, { type: 'USER_DELETED', message: `all roles were taken from user ${name}` });
}

type Gone = { readonly type: 'ROLE_DELETED' | 'TOKEN_REVOKED' | 'USER_DELETED'; readonly message: string };

function drop(turn: Turn, record: AccessRecord, validateOnly: boolean, { type, message }: Gone): Outcome {
  if (!validateOnly) dropAccess(turn, record, { type, cause: 'OPERATOR', message });
  const name = nameOf(record);
  return { resource: name, value: { kind: 'gone', name } };
}

function checkGrants({ state }: View, grants: readonly RoleGrant[], rights: Rights | undefined): void {
  const unknown = grants.find(({ role }) => !state.access.hasRole(role));
  if (unknown !== undefined) throw badField('INVALID_FIELD', 'roles', `there is no role ${unknown.role}`);
  refuseGiving(rights, grants, (name) => state.access.roles.get(name));
}

/** @throws LocumError PERMISSION_DENIED */
function refuseGiving(
  rights: Rights | undefined,
  grants: readonly RoleGrant[],
  ownRole: Parameters<Rights['include']>[1],
): void {
  if (rights === undefined || rights.include(grants, ownRole)) return;
  const message = `${inWords(grants)} gives more than you have yourself: nobody can give what he does not have`;
  throw new LocumError('PERMISSION_DENIED', message);
}

interface Taken {
  /** From whom: `users/ann`. */
  readonly resource: string;
  readonly grants: readonly RoleGrant[];
}

/** Else whoever manages the access of some could lock out those who have more. @throws LocumError PERMISSION_DENIED */
function refuseTaking({ state: { access } }: View, rights: Rights | undefined, { resource, grants }: Taken): void {
  // A role that is gone gives nothing.
  const held = grants.filter(({ role }) => access.hasRole(role));
  if (rights === undefined || rights.include(held, (name) => access.roles.get(name))) return;
  const message = `${resource} gives ${inWords(held)}, which is more than you have yourself: only who has all of that can take it away or change it`;
  throw new LocumError('PERMISSION_DENIED', message, { resource });
}

function checkRoom({ state: { access } }: View, kind: keyof typeof MAX, isThere: boolean): void {
  const { size } = { role: access.roles, token: access.tokens, user: access.users }[kind];
  if (isThere || size < MAX[kind]) return;
  throw new LocumError('TOO_MANY_REQUESTS', `there are ${MAX[kind]} ${kind}s already: delete some that nobody needs`);
}

/** They prove nothing any more, and would fill the list. */
function forgetExpired(turn: Turn, validateOnly: boolean): void {
  if (validateOnly) return;
  for (const token of [...turn.state.access.tokens.values()])
    if (token.expireWall <= turn.now.wall) dropAccess(turn, token, undefined);
}

/** `operator of edge, viewer`. */
export function inWords(grants: readonly RoleGrant[]): string {
  const part = ({ role, pools, policyLabels }: RoleGrant): string => {
    const labels = Object.entries(policyLabels ?? {}).map(([name, value]) => `${name}=${value}`);
    return [role, ...(pools === undefined ? [] : [`of ${pools.join('+')}`]), ...labels].join(' ');
  };
  return grants.map(part).join(', ') || 'nothing';
}
