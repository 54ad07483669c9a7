/** Commands that give and take rights, and by what right a command is called: `as=operator@edge,viewer` or `as=operator:team=a`. */
import type { AdminCall, Call } from '../../controller/core/cluster/event.ts';
import { isPermission, type Permission } from '../../shared/access/permissions.ts';
import type { RoleGrant } from '../../shared/access/principal.ts';
import { present } from '../../shared/assert.ts';
import { durationOf, listOf, type Words } from './words.ts';

const id = ({ plain }: Words, index = 1): string => present(plain[index], 'the command names what it is about');

/** `operator`, `operator@edge+core`, `operator:team=a+tier=1`. */
function grantOf(text: string): RoleGrant {
  const [, role = '', pools, labels] = /^([a-z-]+)(?:@([^:]+))?(?::(.+))?$/.exec(text) ?? [];
  return {
    role,
    ...(pools === undefined ? {} : { pools: pools.split('+') }),
    ...(labels === undefined
      ? {}
      : { policyLabels: Object.fromEntries(labels.split('+').map((one) => one.split('='))) }),
  };
}

const grantsOf = ({ named }: Words): readonly RoleGrant[] => listOf(named.get('roles')).map(grantOf);

export const accessReadings: Readonly<Record<string, (words: Words) => Call>> = {
  role: (words) => {
    const permissions = listOf(words.named.get('may')).filter(isPermission);
    return { kind: 'set_role', role: { name: id(words), permissions, runAs: listOf(words.named.get('run_as')) } };
  },
  'delete-role': (words) => ({ kind: 'delete_role', name: id(words) }),
  token: (words) => {
    const ttlMs = durationOf(words.named.get('ttl') ?? '1h');
    return {
      kind: 'create_token',
      token: { id: id(words), holder: id(words, 2), roles: grantsOf(words), secretHash: '', ttlMs },
    };
  },
  'revoke-token': (words) => ({ kind: 'revoke_token', id: id(words) }),
  user: (words) => ({ kind: 'set_user', name: id(words), roles: grantsOf(words) }),
  'delete-user': (words) => ({ kind: 'delete_user', name: id(words) }),
};

/** What the method of a call needs, as the protos have it; test/shared/access/method-access.test.ts keeps the two the same. */
const NEEDED: Readonly<Record<Exclude<Call['kind'], 'join'>, Permission>> = {
  create_pool: 'pools.write',
  update_pool: 'pools.write',
  delete_pool: 'pools.write',
  set_order: 'pools.order',
  move_server: 'pools.order',
  update_server: 'servers.write',
  delete_server: 'servers.write',
  cordon_server: 'servers.operate',
  uncordon_server: 'servers.operate',
  drain_server: 'servers.operate',
  confirm_server_dead: 'servers.operate',
  create_policy: 'policies.write',
  update_policy: 'policies.write',
  delete_policy: 'policies.write',
  start_policy: 'policies.operate',
  stop_policy: 'policies.operate',
  restart_policy: 'policies.operate',
  pause_policy: 'policies.operate',
  resume_policy: 'policies.operate',
  move_run: 'runs.operate',
  stop_run: 'runs.operate',
  release_run: 'runs.operate',
  proceed_takeovers: 'pools.order',
  set_role: 'access.write',
  delete_role: 'access.write',
  create_token: 'access.write',
  revoke_token: 'access.write',
  note_token_use: 'access.write',
  set_user: 'access.write',
  delete_user: 'access.write',
  create_join_token: 'enrolment.write',
  revoke_join_token: 'enrolment.write',
  revoke_server: 'enrolment.write',
  rotate_authority: 'authority.rotate',
  rewrap_authority: 'authority.rotate',
  record_access: 'audit.record',
  note_hook: 'hooks.operate',
  forget_hook: 'hooks.operate',
};

/** Without `as=` a command is nobody's who would have to be allowed. */
export function warrantOf({ named }: Words, request: Call): Pick<AdminCall, 'warrant'> {
  const as = named.get('as');
  // Whoever joins shows a token of another kind.
  if (as === undefined || request.kind === 'join') return {};
  return { warrant: { principal: { kind: 'user', roles: listOf(as).map(grantOf) }, permission: NEEDED[request.kind] } };
}
