/**
 * First of all that happens to a request: who calls, and may he do this anywhere at all? Asked before a body is read. On which part of the
 * cluster he may is judged where the call is carried out, by the state of that moment.
 */
import { Rights } from '../../shared/access/authorize.ts';
import type { MethodRule } from '../../shared/access/method-access.ts';
import type { AcceptedPeer } from '../../shared/access/peer-judge.ts';
import {
  ANYBODY,
  actorOfPrincipal,
  type Claimed,
  type KnownCaller,
  NOBODY,
  type Principal,
} from '../../shared/access/principal.ts';
import { invalidField, LocumError } from '../../shared/errors.ts';
import { ACTOR_HEADER } from '../../shared/rpc/actor-header.ts';
import { isDistrusted } from '../../shared/rpc/caller.ts';
import { denied } from '../core/calls/permitted.ts';
import type { Accounts } from './accounts.ts';
import { idOfSecret, isLocalSecret, isSecretOf } from './secrets.ts';
import { readVoucher, type VoucherKeys } from './vouching.ts';

/** What a request says of its sender, as it came. */
export interface Credentials {
  /** Path of the method. */
  readonly path: string;
  /** Address of the other end. */
  readonly address: string;
  readonly authorization: string | undefined;
  /** What its certificate says, which was judged at the door. */
  readonly peer: AcceptedPeer | undefined;
  /** Who he says he is: the header x-locum-actor. */
  readonly says: string;
  readonly vouched: string | undefined;
  readonly signature: string | undefined;
  /** Whether it says that it was passed on, and where it says it came from. */
  readonly forwardedBy: string | undefined;
  readonly forwardedFrom: string | undefined;
}

/** Checks the tokens of an identity provider. */
export interface BearerVerifier {
  /** Rejects with LocumError TOKEN_INVALID, PROVIDER_UNAVAILABLE. */
  readonly verify: (token: string) => Promise<VerifiedBearer>;
}

export interface VerifiedBearer extends Claimed {
  readonly name: string;
}

export interface DoorkeeperOptions {
  /** Nobody is asked who he is. */
  readonly open: boolean;
  /** Undefined: neither a leader nor a copy; then nobody but the administrator of this host is known. */
  readonly accounts: () => Accounts | undefined;
  /**
   * Waits until `accounts` has all that was given when this is called; undefined: it has. Rejects with LocumError STORE_UNAVAILABLE, OVERLOADED when
   * that can't be known.
   */
  readonly catchUp: () => Promise<void> | undefined;
  /** SHA-256 of the token of this host's administrator. Undefined: there is none. */
  readonly localHash: string | undefined;
  readonly keys: VoucherKeys;
  readonly nowWall: () => number;
  /** Is told which tokens are used. */
  readonly used: (token: string) => void;
  /** Default: there is no identity provider. */
  readonly provider?: BearerVerifier | undefined;
}

const ACTOR = /^[\x20-\x7e]{1,128}$/;

export class Doorkeeper {
  readonly #options: DoorkeeperOptions;

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
  }

  /** Who calls. At once whenever it can. Throws or rejects with LocumError UNAUTHENTICATED, TOKEN_INVALID, PROVIDER_UNAVAILABLE, STORE_UNAVAILABLE. */
  identify(credentials: Credentials, rule: MethodRule): KnownCaller | Promise<KnownCaller> {
    if (this.#options.open) return anybody(credentials);
    if (rule.kind === 'everybody') return this.#unasked(credentials);
    refuseDistrusted(credentials.peer);
    const known = this.#known(credentials);
    return known instanceof Promise ? known.then((caller) => this.#looked(caller)) : this.#looked(known);
  }

  /** Whether he may do this anywhere at all. @throws LocumError PERMISSION_DENIED */
  judge({ principal }: KnownCaller, rule: MethodRule): void {
    if (rule.kind !== 'permission' || this.#options.open) return;
    const rights = new Rights(principal, (name) => this.#options.accounts()?.role(name));
    const { permission, reach } = rule;
    const may = reach === 'CLUSTER' ? rights.mayEverywhere(permission) : rights.mayAnywhere(permission);
    if (!may) throw denied(permission);
  }

  /** Whether somebody who was let in would be now, with all that he was given then. @throws LocumError TOKEN_INVALID, PERMISSION_DENIED */
  stillAdmits(caller: KnownCaller, rule: MethodRule): void {
    if (this.#options.open) return;
    const { principal } = this.asOfNow(caller, rule);
    const ownRole = (name: string) => this.#options.accounts()?.role(name);
    if (!new Rights(principal, ownRole).include(caller.principal.roles, ownRole)) throw taken();
  }

  /**
   * Lets somebody in who is known. At once whenever it can: whom a follower's copy refuses is judged again by what is newest, since it may have been
   * given to him a moment ago. Throws or rejects with LocumError PERMISSION_DENIED, TOKEN_INVALID, STORE_UNAVAILABLE, OVERLOADED.
   */
  admit(caller: KnownCaller, rule: MethodRule): KnownCaller | Promise<KnownCaller> {
    try {
      this.judge(caller, rule);
      return caller;
    } catch (error) {
      const newest = this.#options.catchUp();
      if (newest === undefined) throw error;
      return newest.then(() => this.asOfNow(caller, rule));
    }
  }

  /** Somebody who was let in, with what he has now. @throws LocumError TOKEN_INVALID, PERMISSION_DENIED: he would not be let in any more */
  asOfNow(caller: KnownCaller, rule: MethodRule): KnownCaller {
    if (this.#options.open) return caller;
    refuseDistrusted(caller.peer);
    const now = { ...caller, principal: this.#asOfNow(caller.principal) };
    this.judge(now, rule);
    return now;
  }

  #looked(caller: KnownCaller): KnownCaller {
    const principal = this.#asOfNow(caller.principal);
    if (principal.token !== undefined) this.#options.used(principal.token);
    return { ...caller, principal };
  }

  /** What somebody was given is looked up at each call, wherever he was let in. */
  #asOfNow(principal: Principal): Principal {
    const accounts = this.#options.accounts();
    switch (principal.via) {
      case 'token': {
        const token = principal.token === undefined ? undefined : accounts?.token(principal.token);
        if (token === undefined || token.expireWall <= this.#options.nowWall()) throw invalid();
        return { ...principal, name: token.holder, roles: token.roles };
      }
      case 'certificate': {
        const { expireWall = Number.POSITIVE_INFINITY } = principal;
        if (expireWall <= this.#options.nowWall()) throw expired();
        return { ...principal, roles: accounts?.user(principal.name)?.roles ?? [] };
      }
      case 'oidc': {
        const { claimed } = principal;
        if (claimed === undefined || claimed.expireWall <= this.#options.nowWall()) throw invalid();
        return { ...principal, roles: [...claimed.roles, ...(accounts?.user(principal.name)?.roles ?? [])] };
      }
      case 'local':
        return { ...principal, roles: [{ role: 'admin' }] };
      case 'none':
        return principal;
    }
  }

  #known(credentials: Credentials): KnownCaller | Promise<KnownCaller> {
    const { vouched, signature, forwardedBy, authorization, peer } = credentials;
    if (vouched !== undefined || forwardedBy !== undefined) return this.#vouchedFor(credentials, vouched, signature);
    if (authorization !== undefined) {
      const holder = this.#bearer(authorization);
      if (holder instanceof Promise) return holder.then((known) => this.#caller(known, credentials));
      return this.#caller(holder, credentials);
    }
    if (peer?.identity.kind === 'user')
      return this.#caller(
        { kind: 'user', name: peer.identity.name, via: 'certificate', roles: [], expireWall: peer.notAfterMs },
        credentials,
      );
    throw new LocumError(
      'UNAUTHENTICATED',
      'it is not known who calls: send a token, as in "authorization: Bearer locum_…", or show a certificate (locum: LOCUM_TOKEN, or --tls-dir)',
    );
  }

  /** Nobody in particular; but a controller that passes the call on says where it came from. */
  #unasked(credentials: Credentials): KnownCaller | Promise<KnownCaller> {
    const { vouched, signature } = credentials;
    if (vouched === undefined) return this.#caller(NOBODY, credentials);
    const passedOn = this.#passedOn(credentials, vouched, signature);
    return passedOn.then(({ source }) => this.#caller(NOBODY, { ...credentials, address: source }));
  }

  async #vouchedFor(credentials: Credentials, text?: string, signature?: string): Promise<KnownCaller> {
    const caller = await this.#passedOn(credentials, text, signature);
    if (caller.principal.kind !== 'anonymous') return caller;
    const message = 'the controller that passed the call on did not ask who calls, and this method needs to know';
    throw new LocumError('UNAUTHENTICATED', message);
  }

  async #passedOn({ path }: Credentials, text = '', signature = ''): Promise<KnownCaller> {
    const { by, caller } = await readVoucher({ text, signature, path }, this.#options.keys);
    return { ...caller, source: caller.source === '' ? by : `${caller.source} via ${by}` };
  }

  #bearer(authorization: string): Principal | Promise<Principal> {
    const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (secret === undefined)
      throw new LocumError('TOKEN_INVALID', 'the header authorization has to be "Bearer", a space, and a token');
    if (isLocalSecret(secret)) return this.#localAdmin(secret);
    const id = idOfSecret(secret);
    if (id !== undefined) return this.#holder(id, secret);
    const { provider } = this.#options;
    if (provider === undefined || secret.split('.').length !== 3) throw invalid();
    return provider
      .verify(secret)
      .then(({ name, ...claimed }) => ({ kind: 'user', name, via: 'oidc', roles: [], claimed }));
  }

  #localAdmin(secret: string): Principal {
    const { localHash } = this.#options;
    if (localHash === undefined || !isSecretOf(secret, localHash)) {
      const message =
        'that is the token of the administrator of another controller: each has its own, for its own host';
      throw new LocumError('TOKEN_INVALID', message);
    }
    return { kind: 'local-admin', name: 'local-admin', via: 'local', roles: [] };
  }

  #holder(id: string, secret: string): Principal | Promise<Principal> {
    const { accounts, catchUp } = this.#options;
    const known = accounts()?.token(id);
    const newest = known === undefined ? catchUp() : undefined;
    if (newest === undefined) return holderOf(known, secret);
    return newest.then(() => holderOf(accounts()?.token(id), secret));
  }

  #caller(principal: Principal, { address, says, peer }: Credentials): KnownCaller {
    const claimed = principal.kind === 'local-admin' && ACTOR.test(says) ? says : '';
    const own = peer === undefined ? {} : { peer };
    return { principal, actor: actorOfPrincipal(principal, claimed), source: address, ...own };
  }
}

/** Where nobody is asked, what a request says of itself is all that there is. */
function anybody({ says, address, forwardedBy, forwardedFrom }: Credentials): KnownCaller {
  if (says !== '' && !ACTOR.test(says))
    throw invalidField('', `the header ${ACTOR_HEADER} must be 1 to 128 printable characters`);
  const source = forwardedBy === undefined ? address : `${forwardedFrom ?? 'unknown'} via ${forwardedBy}`;
  return { principal: ANYBODY, actor: actorOfPrincipal(ANYBODY, says), source };
}

type KnownToken = NonNullable<ReturnType<Accounts['token']>>;

/** @throws LocumError TOKEN_INVALID */
function holderOf(known: KnownToken | undefined, secret: string): Principal {
  if (known === undefined || !isSecretOf(secret, known.secretHash)) throw invalid();
  return { kind: 'user', name: known.holder, via: 'token', roles: [], token: known.id };
}

/** @throws LocumError UNKNOWN_AUTHORITY */
function refuseDistrusted(peer: AcceptedPeer | undefined): void {
  if (peer === undefined || peer.identity.kind === 'controller' || !isDistrusted(peer)) return;
  const message =
    'the authority that signed the certificate of this connection is trusted no more: connect with a newer certificate';
  throw new LocumError('UNKNOWN_AUTHORITY', message);
}

const expired = (): LocumError =>
  new LocumError(
    'UNAUTHENTICATED',
    'the certificate that this connection was opened with has expired: connect with a new one',
  );

const taken = (): LocumError =>
  new LocumError('PERMISSION_DENIED', 'what you were given has changed since this was opened: open it again');

const invalid = (): LocumError =>
  new LocumError(
    'TOKEN_INVALID',
    'this token is none of this cluster, was revoked, or has expired: ask for another one',
  );
