/** Tokens that identity providers sign: whether one is good, for whom, and what it gives (RFC 7519, RFC 8725). */
import { decodeJwt, errors, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { LocumError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { BearerVerifier, VerifiedBearer } from '../doorkeeper.ts';
import { rolesOf, userOf } from './claims.ts';
import { fetchKeys } from './provider-documents.ts';
import { ProviderKeys } from './provider-keys.ts';
import type { ProviderSettings } from './provider-settings.ts';

/** By a key pair only: a provider's public key, which everybody has, must never do as a shared secret (HS256), and `none` proves nothing. */
const ALGORITHMS = [
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
  ...['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'],
];

/** Tokens for a log-out, an event or a proof are signed by the same keys, and say nothing about who calls (RFC 8725, section 3.11). */
const TYPES = [undefined, 'jwt', 'at+jwt'];

/** The last millisecond of the year 9999: what is later can't be told as a time. */
const LATEST_WALL = 253_402_300_799_999;

const LOOK_MS = 10_000;

interface Provider {
  readonly settings: ProviderSettings;
  readonly keys: Pick<ProviderKeys, 'find' | 'refresh' | 'freshen'>;
}

export interface ProviderTokensOptions {
  readonly log: Logger;
  /** Default: the clocks of this host. */
  readonly nowWall?: () => number;
  readonly nowMono?: () => number;
}

export class ProviderTokens implements BearerVerifier {
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #nowWall: () => number;

  constructor(
    providers: readonly ProviderSettings[],
    { log, nowWall = Date.now, nowMono = () => performance.now() }: ProviderTokensOptions,
  ) {
    this.#nowWall = nowWall;
    const keysOf = (settings: ProviderSettings): ProviderKeys => {
      const { issuer, keysTtlMs } = settings;
      return new ProviderKeys({ issuer, fetch: () => fetchKeys(settings), ttlMs: keysTtlMs, nowMono, log });
    };
    this.#providers = new Map(providers.map((settings) => [settings.issuer, { settings, keys: keysOf(settings) }]));
  }

  /** Asks for all keys, so that the log tells at the start of what is configured wrong. Never rejects. */
  async warmUp(): Promise<void> {
    await Promise.all([...this.#providers.values()].map(({ keys }) => keys.refresh()));
  }

  /** Looks for keys that are older than their time, until it is over: also while nobody shows a token, so that the first one is judged by fresh ones. */
  keepFresh(over: AbortSignal, everyMs: number = LOOK_MS): void {
    const looks = setInterval(() => {
      for (const { keys } of this.#providers.values()) keys.freshen();
    }, everyMs).unref();
    over.addEventListener('abort', () => clearInterval(looks), { once: true });
  }

  /** Rejects with LocumError TOKEN_INVALID, PROVIDER_UNAVAILABLE. */
  async verify(token: string): Promise<VerifiedBearer> {
    const { settings, keys } = this.#providerOf(token);
    const claims = await this.#claims(token, { settings, keys });
    const expireWall = Math.min((claims.exp ?? 0) * 1_000 + settings.clockSkewMs, LATEST_WALL);
    return { name: userOf(claims, settings), roles: rolesOf(claims, settings.claimRoles), expireWall };
  }

  /** By what the token says of itself: only that provider's keys are tried, and its signature is over this too. */
  #providerOf(token: string): Provider {
    const issuer = issuerOf(token);
    const provider = issuer === undefined ? undefined : this.#providers.get(issuer);
    if (provider !== undefined) return provider;
    throw invalid(
      issuer === undefined
        ? 'this token is none of this cluster, and does not say which identity provider it is from'
        : `this cluster takes no tokens of the identity provider ${JSON.stringify(issuer)}`,
    );
  }

  async #claims(token: string, { settings, keys }: Provider): Promise<JWTPayload> {
    const { issuer, audiences, clockSkewMs } = settings;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys.find, {
        algorithms: ALGORITHMS,
        issuer,
        audience: [...audiences],
        clockTolerance: clockSkewMs / 1_000,
        currentDate: new Date(this.#nowWall()),
        requiredClaims: ['exp'],
      });
      checkType(protectedHeader);
      return payload;
    } catch (error) {
      throw error instanceof LocumError ? error : invalid(whyNot(error, settings));
    }
  }
}

function issuerOf(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

function checkType({ typ }: JWTHeaderParameters): void {
  const type = typ?.toLowerCase().replace(/^application\//, '');
  if (!TYPES.includes(type))
    throw invalid(`it is a token of the type ${JSON.stringify(typ)}, and no proof of who calls`);
}

function whyNot(error: unknown, { issuer, audiences }: ProviderSettings): string {
  if (error instanceof errors.JWTExpired) return 'this token has expired: ask the identity provider for another one';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud')
      return `this token is for another program: its audience is none of ${audiences.join(', ')}`;
    if (error.claim === 'nbf') return 'this token is not valid yet: is the clock of this controller right?';
    return `this token does not hold: ${error.message}`;
  }
  if (error instanceof errors.JWKSNoMatchingKey) return `this token is signed by a key that ${issuer} does not have`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return `this token is not signed by ${issuer}`;
  if (error instanceof errors.JOSEAlgNotAllowed)
    return `this token is signed in a way that proves nothing: only ${ALGORITHMS.join(', ')} do`;
  return `this token can't be read, or its key can't be used`;
}

const invalid = (why: string): LocumError => new LocumError('TOKEN_INVALID', why);
