/** Roles, tokens and users: core ⇄ API and store. */
import { create } from '@bufbuild/protobuf';
import { type AccessRole, isPermission } from '../../shared/access/permissions.ts';
import type { RoleGrant } from '../../shared/access/principal.ts';
import { required, requiredTime } from '../../shared/codec/required.ts';
import { invalidField } from '../../shared/errors.ts';
import { type TokenRecord as PbTokenRecord, TokenRecordSchema } from '../../shared/gen/locum/store/v1/record_pb.ts';
import {
  type Role as PbRole,
  type RoleGrant as PbRoleGrant,
  type Token as PbToken,
  type User as PbUser,
  RoleGrantSchema,
  RoleSchema,
  TokenSchema,
  UserSchema,
} from '../../shared/gen/locum/v1/access_service_pb.ts';
import { fromTimestamp, toTimestamp } from '../../shared/rpc/time-messages.ts';
import type { RoleRecord, TokenRecord, UserRecord } from '../core/records/access-record.ts';

export const grantToProto = ({ role, pools = [], policyLabels = {} }: RoleGrant): PbRoleGrant =>
  create(RoleGrantSchema, { role, pools: [...pools], policyLabels: { ...policyLabels } });

export const grantFromProto = ({ role, pools, policyLabels }: PbRoleGrant): RoleGrant => ({
  role,
  ...(pools.length === 0 ? {} : { pools: [...pools] }),
  ...(Object.keys(policyLabels).length === 0 ? {} : { policyLabels: { ...policyLabels } }),
});

export const roleToProto = ({ name, permissions, runAs }: AccessRole, updateWall?: number): PbRole =>
  create(RoleSchema, {
    name: `roles/${name}`,
    permissions: [...permissions],
    runAs: [...runAs],
    builtIn: updateWall === undefined,
    ...(updateWall === undefined ? {} : { updateTime: toTimestamp(updateWall) }),
  });

/** @throws LocumError INVALID_FIELD for a permission that there is not. */
export function roleFromProto({ name, permissions, runAs }: PbRole, field = 'role'): AccessRole {
  const known = permissions.map((word, index) => {
    if (isPermission(word)) return word;
    throw invalidField(`${field}.permissions[${index}]`, `there is no permission "${word}": docs/access.md lists them`);
  });
  return { name: idIn(name), permissions: known, runAs: [...runAs] };
}

/** A permission of a newer controller gives nothing here, and is not a damaged record. */
export function roleFromRecord(role: PbRole): RoleRecord {
  return {
    kind: 'role',
    name: idIn(role.name),
    permissions: role.permissions.filter(isPermission),
    runAs: [...role.runAs],
    updateWall: requiredTime(role.updateTime, 'update_time'),
  };
}

export const roleToRecord = (role: RoleRecord): PbRole => roleToProto(role, role.updateWall);

export function tokenToProto(token: TokenRecord): PbToken {
  const { id, holder, roles, createWall, expireWall, lastUseWall, creator } = token;
  return create(TokenSchema, {
    name: `tokens/${id}`,
    holder,
    roles: roles.map(grantToProto),
    createTime: toTimestamp(createWall),
    expireTime: toTimestamp(expireWall),
    ...(lastUseWall === undefined ? {} : { lastUseTime: toTimestamp(lastUseWall) }),
    creator,
  });
}

export const tokenToRecord = (token: TokenRecord): PbTokenRecord =>
  create(TokenRecordSchema, { token: tokenToProto(token), secretHash: token.secretHash });

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function tokenFromRecord({ token: stored, secretHash }: PbTokenRecord): TokenRecord {
  const token = required(stored, 'token');
  return {
    kind: 'token',
    id: idIn(token.name),
    holder: token.holder,
    roles: token.roles.map(grantFromProto),
    secretHash,
    createWall: requiredTime(token.createTime, 'create_time'),
    expireWall: requiredTime(token.expireTime, 'expire_time'),
    lastUseWall: token.lastUseTime === undefined ? undefined : fromTimestamp(token.lastUseTime),
    creator: token.creator,
  };
}

export const userToProto = ({ name, roles, updateWall }: UserRecord): PbUser =>
  create(UserSchema, { name: `users/${name}`, roles: roles.map(grantToProto), updateTime: toTimestamp(updateWall) });

/** @throws LocumError INVALID_FIELD for a damaged record. */
export const userFromProto = ({ name, roles, updateTime }: PbUser): UserRecord => ({
  kind: 'user',
  name: idIn(name),
  roles: roles.map(grantFromProto),
  updateWall: requiredTime(updateTime, 'update_time'),
});

/** What stands behind the folder of a name. */
export const idIn = (name: string): string => name.slice(name.indexOf('/') + 1);
