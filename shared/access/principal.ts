/** Who asks, once it is known, and what he was given. Pure. */

/** A role, for everything or for a part. */
export interface RoleGrant {
  readonly role: string;
  /** Pools that it is for. Default: all. */
  readonly pools?: readonly string[];
  /** Labels of the policies that it is for, all of which a policy must have. Default: all policies, and everything else. */
  readonly policyLabels?: Readonly<Record<string, string>>;
}

export interface Principal {
  /** `anonymous`: nobody is asked who he is. `local-admin`: whoever can read the data directory of a controller. */
  readonly kind: 'user' | 'controller' | 'local-admin' | 'anonymous';
  /** Name of the person, program or controller; printable, 1 to 128 characters. */
  readonly name: string;
  /** How it is known. */
  readonly via: 'token' | 'certificate' | 'oidc' | 'local' | 'none';
  readonly roles: readonly RoleGrant[];
  /** Of a token: its id. */
  readonly token?: string;
}

/** Whom nobody asks, where access is open: he may do everything. */
export const ANYBODY: Principal = { kind: 'anonymous', name: '', via: 'none', roles: [{ role: 'admin' }] };

/** Nobody in particular: he may do what needs no permission. */
export const NOBODY: Principal = { kind: 'anonymous', name: '', via: 'none', roles: [] };

/** In the words of the event log and the audit: `user:ann`, `token:deploy`. `says`: who he says he is, where that is all that is known. */
export function actorOfPrincipal({ kind, name, via }: Principal, says = ''): string {
  if (kind === 'anonymous') return says === '' ? 'operator' : `operator:${says}`;
  if (kind === 'local-admin') return says === '' ? 'local-admin' : `local-admin:${says}`;
  if (kind === 'controller') return `controller:${name}`;
  return via === 'token' ? `token:${name}` : `user:${name}`;
}
