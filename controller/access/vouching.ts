/**
 * A controller that passes a call on signs for whom it does: the other one knows its key from the store that both share, and believes nobody
 * else who says that a call was passed on. Each controller makes its key when it starts, and keeps it to itself. Ed25519 (RFC 8032).
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import type { Claimed, KnownCaller, Principal, RoleGrant } from '../../shared/access/principal.ts';
import { LocumError } from '../../shared/errors.ts';
import { isObject } from '../../shared/is-object.ts';

export const VOUCHED_HEADER = 'x-locum-vouched';
export const SIGNATURE_HEADER = 'x-locum-signature';

/** What is signed. */
interface Voucher {
  /** Id of the controller that signs. */
  readonly by: string;
  /** `/locum.v1.PolicyService/StartPolicy`: it is good for this method only. */
  readonly path: string;
  readonly caller: KnownCaller;
}

/** Public keys by the id of their controller, as far as they are known; asked anew when one is not, or not any more. */
export interface VoucherKeys {
  readonly known: (controller: string) => string | undefined;
  readonly refresh: () => Promise<void>;
}

export class Vouching {
  readonly #self: string;
  readonly #private: KeyObject;
  /** For the others, in the store: base64url of the DER form. */
  readonly publicKey: string;

  constructor(self: string) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.#self = self;
    this.#private = privateKey;
    this.publicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
  }

  /** Headers that say for whom a call is passed on. */
  vouchFor(path: string, caller: KnownCaller): Readonly<Record<string, string>> {
    // What he was given is looked up where it arrives.
    const principal: Principal = { ...caller.principal, roles: [] };
    const { actor, source } = caller;
    const voucher: Voucher = { by: this.#self, path, caller: { principal, actor, source } };
    const text = Buffer.from(JSON.stringify(voucher)).toString('base64url');
    return {
      [VOUCHED_HEADER]: text,
      [SIGNATURE_HEADER]: sign(null, Buffer.from(text), this.#private).toString('base64url'),
    };
  }

  /** As this controller itself. */
  vouchForItself(path: string): Readonly<Record<string, string>> {
    const principal: Principal = { kind: 'controller', name: this.#self, via: 'none', roles: [] };
    return this.vouchFor(path, { principal, actor: `controller:${this.#self}`, source: '' });
  }
}

/** Rejects with LocumError UNAUTHENTICATED. */
export async function readVoucher(
  { text, signature, path }: { readonly text: string; readonly signature: string; readonly path: string },
  keys: VoucherKeys,
): Promise<Voucher> {
  const voucher = parse(text);
  if (voucher === undefined || voucher.path !== path) throw notVouched('what came with it is not for this method');
  const isSigned = (): boolean => isSignedBy(keys.known(voucher.by), text, signature);
  if (!isSigned()) await keys.refresh();
  if (!isSigned()) throw notVouched(`it is not signed by the key of the controller ${voucher.by}`);
  return voucher;
}

function isSignedBy(key: string | undefined, text: string, signature: string): boolean {
  if (key === undefined || key === '') return false;
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key, 'base64url'), format: 'der', type: 'spki' });
    return verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}

function parse(text: string): Voucher | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return isVoucher(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';
/** Before it is known who wrote it, it stands in the answer. */
const isId = (value: unknown): value is string => isText(value) && /^[\x21-\x7e]{1,253}$/.test(value);

function isVoucher(value: unknown): value is Voucher {
  if (!isObject(value) || !isId(value['by']) || !isText(value['path']) || !isObject(value['caller'])) return false;
  const { principal, actor, source } = value['caller'];
  return isText(actor) && isText(source) && isPrincipal(principal);
}

const KINDS: readonly unknown[] = [
  'user',
  'controller',
  'local-admin',
  'anonymous',
] satisfies readonly Principal['kind'][];
const WAYS: readonly unknown[] = [
  'token',
  'certificate',
  'oidc',
  'local',
  'none',
] satisfies readonly Principal['via'][];

/** `anonymous`: the controller that signs asked nobody who he is; it says from where the call came, and no more. */
function isPrincipal(value: unknown): value is Principal {
  if (!isObject(value) || !KINDS.includes(value['kind']) || !WAYS.includes(value['via'])) return false;
  const { name, roles, token, claimed, expireWall } = value;
  if (!isText(name) || !(token === undefined || isText(token))) return false;
  if (expireWall !== undefined && typeof expireWall !== 'number') return false;
  return areGrants(roles) && (claimed === undefined || isClaimed(claimed));
}

const isClaimed = (value: unknown): value is Claimed =>
  isObject(value) && typeof value['expireWall'] === 'number' && areGrants(value['roles']);

const areGrants = (value: unknown): value is readonly RoleGrant[] => Array.isArray(value) && value.every(isGrant);

function isGrant(value: unknown): value is RoleGrant {
  if (!isObject(value) || !isText(value['role'])) return false;
  const { pools, policyLabels } = value;
  if (pools !== undefined && !(Array.isArray(pools) && pools.every(isText))) return false;
  return policyLabels === undefined || (isObject(policyLabels) && Object.values(policyLabels).every(isText));
}

const notVouched = (why: string): LocumError =>
  new LocumError('UNAUTHENTICATED', `the call says that another controller passed it on, and ${why}`);
