/** An identity provider on loopback: real HTTP, real keys, and what goes wrong with such ones. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { ProviderSettings } from '../../../../controller/access/oidc/provider-settings.ts';

export const AUDIENCE = 'locum';

interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export interface TokenOptions {
  /** One that is undefined is left out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Header beside `alg` and `kid`. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** Signs instead of the latest key. */
  readonly key?: SigningKey;
  /** Seconds since the epoch that it is made at. Default: now. */
  readonly at?: number;
}

export async function makeKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export class LocalIssuer {
  readonly #server = createServer((request, response) => this.#answer(request, response));
  #keys: readonly SigningKey[] = [];
  /** Paths that were asked for, in their order. */
  readonly asked: string[] = [];
  /** Answers in place of what a good one says. */
  instead: Answer | undefined;
  /** What it answers beside its description and its keys, by path. */
  readonly further = new Map<string, Answer>();
  /** What stands in its description besides. */
  described: Readonly<Record<string, string>> = {};
  /** What it calls itself in its description. Default: its address. */
  named: string | undefined;

  static async start(): Promise<LocalIssuer> {
    const issuer = new LocalIssuer();
    issuer.#keys = [await makeKey('first')];
    await issuer.listen();
    return issuer;
  }

  async listen(port = 0): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(port, '127.0.0.1', resolve);
    await promise;
    this.#port = this.port;
  }

  #port = 0;

  get port(): number {
    const address = this.#server.address() as AddressInfo | null;
    return address?.port ?? this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get key(): SigningKey {
    const key = this.#keys.at(-1);
    if (key === undefined) throw new Error('it has a key from the start');
    return key;
  }

  /** Nobody listens any more; `listen` brings it back. */
  async goDown(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.goDown();
  }

  /** From now on another key signs, and the one before is not published any more. */
  async rotate(kid: string): Promise<void> {
    this.#keys = [await makeKey(kid)];
  }

  publish(...keys: readonly SigningKey[]): void {
    this.#keys = keys;
  }

  /** Valid for five minutes, for `ann`, unless the claims say otherwise. */
  token({ claims = {}, header = {}, key = this.key, at = Date.now() / 1_000 }: TokenOptions = {}): Promise<string> {
    const now = Math.floor(at);
    const all = { iss: this.url, aud: AUDIENCE, sub: 'ann', iat: now, exp: now + 300, ...claims };
    return new SignJWT(all).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey);
  }

  settings(more: Partial<ProviderSettings> = {}): ProviderSettings {
    return {
      issuer: this.url,
      audiences: [AUDIENCE],
      userClaim: 'sub',
      userPrefix: '',
      claimRoles: [],
      keysTtlMs: 600_000,
      clockSkewMs: 30_000,
      insecure: false,
      ...more,
    };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(request.url ?? '');
    if (this.instead !== undefined) {
      this.instead(request, response);
      return;
    }
    const further = this.further.get(request.url ?? '');
    if (further !== undefined) {
      further(request, response);
      return;
    }
    const document =
      request.url === '/keys'
        ? { keys: this.#keys.map(({ publicJwk }) => publicJwk) }
        : { issuer: this.named ?? this.url, jwks_uri: `${this.url}/keys`, ...this.described };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  }
}
