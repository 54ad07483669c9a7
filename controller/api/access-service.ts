/** Who calls, what he may do, and the roles, tokens and users of the cluster. */
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { Rights, type Target } from '../../shared/access/authorize.ts';
import { BUILT_IN_ROLES, isPermission } from '../../shared/access/permissions.ts';
import { invalidField, LocumError } from '../../shared/errors.ts';
import {
  type AccessService,
  type CheckAccessRequest,
  CreateTokenRequestSchema,
  DeleteRoleRequestSchema,
  DeleteUserRequestSchema,
  RevokeTokenRequestSchema,
  SetRoleRequestSchema,
  SetUserRequestSchema,
} from '../../shared/gen/locum/v1/access_service_pb.ts';
import { parsePolicyName, parsePoolName, parseRunName, parseServerName } from '../../shared/resource-name.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import { fromDuration, toTimestamp } from '../../shared/rpc/time-messages.ts';
import { DAY } from '../../shared/time.ts';
import { makeSecret } from '../access/secrets.ts';
import {
  grantFromProto,
  grantToProto,
  idIn,
  roleFromProto,
  roleToProto,
  tokenToProto,
  userToProto,
} from '../codec/access.ts';
import { targetOfResource } from '../core/calls/permitted.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { Call } from '../core/cluster/event.ts';
import type { AccessRecord } from '../core/records/access-record.ts';
import { type ApiContext, planOf, submit } from './api-context.ts';
import { reachesParts } from './api-services.ts';

type Service = ServiceImpl<typeof AccessService>;

const DEFAULT_TTL_MS = 90 * DAY;

export const accessService = (api: ApiContext): Service => ({ ...asking(api), ...listing(api), ...changing(api) });

function asking(api: ApiContext): Pick<Service, 'whoAmI' | 'checkAccess'> {
  return {
    async whoAmI(_, { values }) {
      const { actor, principal } = values.get(callerKey);
      const { via, roles, token, claimed } = principal;
      return api.leaderTerm().read(({ access }) => ({
        actor,
        via,
        roles: roles.map(grantToProto),
        expireTime: toTimestamp(token === undefined ? claimed?.expireWall : access.tokens.get(token)?.expireWall),
      }));
    },

    async checkAccess(request, context) {
      return api.leaderTerm().read((state) => ({ allowed: isAllowed(state, request, context) }));
    },
  };
}

function isAllowed(state: ClusterState, request: CheckAccessRequest, { values }: HandlerContext): boolean {
  const { permission, resource, runAs } = request;
  if (!isPermission(permission)) {
    throw invalidField('permission', `there is no permission "${permission}": docs/access.md lists them`);
  }
  const rights = new Rights(values.get(callerKey).principal, (name) => state.access.roles.get(name));
  if (resource !== '' && !isNameOfPart(resource))
    throw invalidField('resource', `"${resource}" is not the name of a pool, server, policy or run`);
  const target = targetOfResource(state, resource) ?? EVERYTHING;
  if (permission === 'policies.run-as') return rights.mayRunAs(runAs, target);
  // What is given for a part is of no use to methods that are about the whole cluster.
  if (resource === '' || !reachesParts(permission)) return rights.mayEverywhere(permission);
  return rights.may(permission, target);
}

/** In no pool that has a name, and without labels: only what is given for everything reaches it. So it is with what is not there. */
const EVERYTHING: Target = { pool: '' };

const PARSERS = [parsePoolName, parseServerName, parsePolicyName, parseRunName];
const isNameOfPart = (name: string): boolean => PARSERS.some((parse) => parse(name) !== undefined);

function listing(api: ApiContext): Pick<Service, 'listRoles' | 'listTokens' | 'listUsers'> {
  return {
    async listRoles() {
      return api.leaderTerm().read(({ access }) => {
        const own = [...access.roles.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
        const builtIn = BUILT_IN_ROLES.map((role) => roleToProto(role));
        return { roles: [...builtIn, ...own.map((role) => roleToProto(role, role.updateWall))] };
      });
    },

    async listTokens() {
      return api.leaderTerm().read(({ access }, now) => {
        const valid = [...access.tokens.values()].filter(({ expireWall }) => expireWall > now.wall);
        return { tokens: valid.sort((a, b) => b.createWall - a.createWall).map(tokenToProto) };
      });
    },

    async listUsers() {
      return api.leaderTerm().read(({ access }) => {
        const users = [...access.users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
        return { users: users.map(userToProto) };
      });
    },
  };
}

function changing(
  api: ApiContext,
): Pick<Service, 'setRole' | 'deleteRole' | 'createToken' | 'revokeToken' | 'setUser' | 'deleteUser'> {
  return {
    async setRole(message, context) {
      if (message.role === undefined) throw invalidField('role', 'is required');
      const request: Call = { kind: 'set_role', role: roleFromProto(message.role) };
      const value = await submit(api, { schema: SetRoleRequestSchema, message, context }, request, 'access');
      const role = ofKind(value.record, 'role');
      return { role: roleToProto(role, role.updateWall), ...planOf(value) };
    },

    async deleteRole(message, context) {
      const request: Call = { kind: 'delete_role', name: idIn(message.name) };
      return planOf(await submit(api, { schema: DeleteRoleRequestSchema, message, context }, request, 'gone'));
    },

    async createToken(message, context) {
      const { id, secret, hash } = makeSecret();
      const { holder, ttl, validateOnly } = message;
      const token = { id, holder, roles: message.roles.map(grantFromProto), secretHash: hash };
      const request: Call = { kind: 'create_token', token: { ...token, ttlMs: fromDuration(ttl) ?? DEFAULT_TTL_MS } };
      const value = await submit(api, { schema: CreateTokenRequestSchema, message, context }, request, 'access');
      const made = ofKind(value.record, 'token');
      if (made.secretHash !== hash) throw shownOnce(made.id);
      return { token: tokenToProto(made), secret: validateOnly ? '' : secret, ...planOf(value) };
    },

    async revokeToken(message, context) {
      const request: Call = { kind: 'revoke_token', id: idIn(message.name) };
      return planOf(await submit(api, { schema: RevokeTokenRequestSchema, message, context }, request, 'gone'));
    },

    async setUser(message, context) {
      if (message.user === undefined) throw invalidField('user', 'is required');
      const { name, roles } = message.user;
      const request: Call = { kind: 'set_user', name: idIn(name), roles: roles.map(grantFromProto) };
      const value = await submit(api, { schema: SetUserRequestSchema, message, context }, request, 'access');
      return { user: userToProto(ofKind(value.record, 'user')), ...planOf(value) };
    },

    async deleteUser(message, context) {
      const request: Call = { kind: 'delete_user', name: idIn(message.name) };
      return planOf(await submit(api, { schema: DeleteUserRequestSchema, message, context }, request, 'gone'));
    },
  };
}

function ofKind<K extends AccessRecord['kind']>(record: AccessRecord, kind: K): Extract<AccessRecord, { kind: K }> {
  if (isKind(record, kind)) return record;
  throw new TypeError(`the core answered with a ${record.kind} where a ${kind} was asked for`);
}

const isKind = <K extends AccessRecord['kind']>(
  record: AccessRecord,
  kind: K,
): record is Extract<AccessRecord, { kind: K }> => record.kind === kind;

/** An earlier try of this very call made it, and its answer was lost on the way. */
function shownOnce(id: string): LocumError {
  const message = `an earlier try of this call made tokens/${id}, and what proves it is shown only once: revoke it, and make another`;
  return new LocumError('ALREADY_EXISTS', message, { resource: `tokens/${id}` });
}
