/** Where devices are let in at an identity provider on loopback (RFC 8628), with refresh tokens that are good once (RFC 9700) and revocation. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { LocalIssuer } from '../controller/access/oidc/local-issuer.ts';

type Form = Readonly<Record<string, string>>;

export class LoginDesk {
  readonly #issuer: LocalIssuer;
  /** Forms that were posted, with their path. */
  readonly posted: Form[] = [];
  /** How often a device is told to wait. */
  patience = 1;
  /** Says no to every question for a token. */
  refusal: string | undefined;
  /** So many times it can't be asked for a token, and takes none back meanwhile. */
  absences = 0;
  /** How long its tokens last. */
  lifeSeconds = 300;
  #refreshes = 0;

  constructor(issuer: LocalIssuer) {
    this.#issuer = issuer;
    const at = (path: string): string => `${issuer.url}${path}`;
    issuer.described = {
      device_authorization_endpoint: at('/device'),
      token_endpoint: at('/token'),
      revocation_endpoint: at('/revoke'),
    };
    issuer.further.set('/device', (request, response) => void this.#begin(request, response));
    issuer.further.set('/token', (request, response) => void this.#token(request, response));
    issuer.further.set('/revoke', (request, response) => {
      void this.#form(request).then(() => response.writeHead(this.absences > 0 ? 503 : 200).end());
    });
  }

  get refreshToken(): string {
    return `refresh-${this.#refreshes}`;
  }

  async #begin(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#form(request);
    const verification = { user_code: 'WDJB-MJHT', verification_uri: 'https://login.example.com/device' };
    this.#say(response, 200, { device_code: 'device-1', ...verification, expires_in: 60, interval: 0.01 });
  }

  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { grant_type: grant = '', refresh_token: shown } = await this.#form(request);
    if (this.absences > 0) {
      this.absences -= 1;
      return void response.writeHead(503).end();
    }
    if (this.refusal !== undefined) return this.#say(response, 400, { error: this.refusal });
    if (grant.endsWith('device_code') && this.patience > 0) {
      this.patience -= 1;
      return this.#say(response, 400, { error: 'authorization_pending' });
    }
    if (grant === 'refresh_token' && shown !== this.refreshToken)
      return this.#say(response, 400, { error: 'invalid_grant' });
    this.#refreshes += 1;
    const now = Date.now() / 1_000;
    // Each is another one, also within one second.
    const claims = { exp: Math.floor(now + this.lifeSeconds), jti: String(this.#refreshes) };
    const given = { id_token: await this.#issuer.token({ claims }), refresh_token: this.refreshToken };
    this.#say(response, 200, { access_token: 'opaque', token_type: 'Bearer', ...given });
  }

  async #form(request: IncomingMessage): Promise<Form> {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    this.posted.push({ path: request.url ?? '', ...form });
    return form;
  }

  #say(response: ServerResponse, status: number, json: object): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  }
}
