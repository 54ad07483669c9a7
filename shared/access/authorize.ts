/** Whether somebody may do something. What no grant gives is not given. Pure. */
import {
  type AccessRole,
  ANY_USER,
  BUILT_IN_ROLES,
  CONTROLLER_ROLE,
  KEEPERS_OWN,
  type Permission,
} from './permissions.ts';
import type { Principal, RoleGrant } from './principal.ts';

/** What something is done to, as far as it decides who may do it. */
export interface Target {
  readonly pool: string;
  /** Labels of a policy, or of the policy of a run. Undefined: it is neither. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** A grant with its role looked up. */
interface Held extends RoleGrant {
  readonly permissions: ReadonlySet<Permission>;
  readonly runAs: readonly string[];
}

/** What one principal may do. */
export class Rights {
  readonly #held: readonly Held[];

  /** `ownRole`: roles beside the ones that are always there. A grant of a role that is not there gives nothing. */
  constructor({ kind, roles }: Pick<Principal, 'kind' | 'roles'>, ownRole: (name: string) => AccessRole | undefined) {
    const held = roles.flatMap((grant) => {
      const role = BUILT_IN_ROLES.find(({ name }) => name === grant.role) ?? ownRole(grant.role);
      return role === undefined ? [] : [heldOf(grant, role)];
    });
    // Where nobody is asked, other controllers are nobody too.
    const isController = kind === 'controller' || (kind === 'anonymous' && roles.length > 0);
    this.#held = isController ? [...held, heldOf({ role: CONTROLLER_ROLE.name }, CONTROLLER_ROLE)] : held;
  }

  /** Whether there is anything that it may be done to. */
  mayAnywhere(permission: Permission): boolean {
    return this.#held.some(({ permissions }) => permissions.has(permission));
  }

  /** Whether it may be done to everything. */
  mayEverywhere(permission: Permission): boolean {
    return this.#held.some((held) => held.permissions.has(permission) && isWhole(held));
  }

  may(permission: Permission, target: Target): boolean {
    return this.#held.some((held) => held.permissions.has(permission) && covers(held, target));
  }

  /** Whether a policy may run programs as this user of the host. Empty: the keeper's own. */
  mayRunAs(user: string, target: Target): boolean {
    const wanted = user === '' ? KEEPERS_OWN : user;
    const isNamed = ({ runAs }: Held): boolean => runAs.includes(wanted) || runAs.includes(ANY_USER);
    return this.#held.some((held) => held.permissions.has('policies.run-as') && isNamed(held) && covers(held, target));
  }

  /** Whether everything that these grants give is given here too: nobody gives what he does not have. */
  include(grants: readonly RoleGrant[], ownRole: (name: string) => AccessRole | undefined): boolean {
    return grants.every((grant) => {
      const role = BUILT_IN_ROLES.find(({ name }) => name === grant.role) ?? ownRole(grant.role);
      if (role === undefined) return false;
      return role.permissions.every((permission) => this.#givesAll(permission, heldOf(grant, role)));
    });
  }

  #givesAll(permission: Permission, wanted: Held): boolean {
    return this.#held.some((held) => {
      if (!held.permissions.has(permission) || !reachesAsFar(held, wanted)) return false;
      if (permission !== 'policies.run-as' || held.runAs.includes(ANY_USER)) return true;
      return wanted.runAs.every((user) => held.runAs.includes(user));
    });
  }
}

/** A role is looked up at each call, and of a stream at each message. */
const SETS = new WeakMap<AccessRole, ReadonlySet<Permission>>();

function heldOf(grant: RoleGrant, role: AccessRole): Held {
  const permissions = SETS.get(role) ?? new Set(role.permissions);
  SETS.set(role, permissions);
  return { ...grant, permissions, runAs: role.runAs };
}

const isWhole = ({ pools, policyLabels }: RoleGrant): boolean => pools === undefined && policyLabels === undefined;

function covers({ pools, policyLabels }: RoleGrant, { pool, labels }: Target): boolean {
  if (pools !== undefined && !pools.includes(pool)) return false;
  if (policyLabels === undefined) return true;
  if (labels === undefined) return false;
  return Object.entries(policyLabels).every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value);
}

function reachesAsFar(own: RoleGrant, wanted: RoleGrant): boolean {
  const { pools, policyLabels } = own;
  if (pools !== undefined && !(wanted.pools?.every((pool) => pools.includes(pool)) ?? false)) return false;
  if (policyLabels === undefined) return true;
  const labels = wanted.policyLabels ?? {};
  return Object.entries(policyLabels).every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value);
}
