/** Who asks, once it is known, and what he was given. Pure. */

import type { AcceptedPeer } from './peer-judge.ts';

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
  /** Of a certificate: when it ends. */
  readonly expireWall?: number;
  /** Of a token: its id. */
  readonly token?: string;
  /** Of an identity provider's token. */
  readonly claimed?: Claimed;
}

/** What a token of an identity provider gives by itself, and until when. */
export interface Claimed {
  readonly roles: readonly RoleGrant[];
  readonly expireWall: number;
}

/** Who calls, and from where, in the words of the audit. */
export interface KnownCaller {
  readonly principal: Principal;
  /** `operator:user/ann`. */
  readonly actor: string;
  /** Address that the call came from, as far as it is known. */
  readonly source: string;
  /** Of a person or program: the certificate of its connection. Default: it has none, or another controller passed the call on. */
  readonly peer?: AcceptedPeer;
}

/** Whom nobody asks, where access is open: he may do everything. */
export const ANYBODY: Principal = { kind: 'anonymous', name: '', via: 'none', roles: [{ role: 'admin' }] };

/** Nobody in particular: he may do what needs no permission. */
export const NOBODY: Principal = { kind: 'anonymous', name: '', via: 'none', roles: [] };

/** As the event log and the audit name him: `operator:user/ann`, `operator:token/deploy`. `says`: who he says he is, where nothing proves it. */
export function actorOfPrincipal({ kind, name, via }: Principal, says = ''): string {
  switch (kind) {
    case 'anonymous':
      return says === '' ? 'operator' : `operator:${says}`;
    case 'local-admin':
      return `operator:local-admin${says === '' ? '' : `/${says}`}`;
    case 'controller':
      return `controller:${name}`;
    case 'user':
      return `operator:${via === 'token' ? 'token' : 'user'}/${name}`;
  }
}
