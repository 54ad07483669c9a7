/** The command line as a client of an identity provider: a person logs in elsewhere, in a browser (OAuth 2.0 Device Authorization Grant, RFC 8628). */
import { isObject } from '../../shared/is-object.ts';
import { getJson, type JsonAnswer, postForm, statusOfForm } from '../../shared/oidc/bounded-json.ts';
import { describedBy, descriptionUrl, urlProblem } from '../../shared/oidc/provider-url.ts';
import { cut, printable } from '../../shared/printable.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';

export interface ProviderClientOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** PEM of the authorities that are trusted. Undefined: those of Node.js. */
  readonly ca: string | undefined;
}

/** What a person has to do, and by when. */
export interface Invitation {
  readonly url: string;
  readonly code: string;
  readonly deviceCode: string;
  readonly everyMs: number;
  readonly lifeMs: number;
}

export interface GivenTokens {
  readonly token: string;
  /** Undefined: none was given; one that was used stays good then. */
  readonly refreshToken: string | undefined;
  /** Unix seconds. 0: not known. */
  readonly expireSeconds: number;
}

/** `PENDING`, `SLOW_DOWN`: ask again. */
export type PollAnswer = GivenTokens | 'PENDING' | 'SLOW_DOWN';

const BOUNDS = { timeoutMs: 10_000, limitBytes: 512 * 1024 };
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** RFC 8628, section 3.2 */
const DEFAULT_EVERY_SECONDS = 5;
const WORD_CHARACTERS = 300;

export class ProviderClient {
  readonly #options: ProviderClientOptions;
  #description: Promise<Readonly<Record<string, unknown>>> | undefined;

  constructor(options: ProviderClientOptions) {
    this.#options = options;
  }

  /** All of them reject with CommandFailure, which says what would help. */
  async begin(scope: string): Promise<Invitation> {
    const { clientId } = this.#options;
    const { status, json } = await this.#post('device_authorization_endpoint', { client_id: clientId, scope });
    const said = isObject(json) ? json : {};
    const [code, deviceCode] = [textIn(said, 'user_code'), textIn(said, 'device_code')];
    const url = textIn(said, 'verification_uri_complete') || textIn(said, 'verification_uri');
    if (status !== 200 || code === '' || deviceCode === '' || urlProblem(url) !== undefined) throw this.#refused(json);
    const [every, life] = [numberIn(said, 'interval') ?? DEFAULT_EVERY_SECONDS, numberIn(said, 'expires_in') ?? 600];
    return { url: shown(url), code: shown(code), deviceCode, everyMs: every * 1_000, lifeMs: life * 1_000 };
  }

  async poll(deviceCode: string): Promise<PollAnswer> {
    const form = { grant_type: DEVICE_GRANT, device_code: deviceCode, client_id: this.#options.clientId };
    const answer = await this.#post('token_endpoint', form);
    switch (wordOf(answer)) {
      case 'authorization_pending':
        return 'PENDING';
      case 'slow_down':
        return 'SLOW_DOWN';
      default:
        return this.#given(answer);
    }
  }

  async refresh(refreshToken: string): Promise<GivenTokens> {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: this.#options.clientId };
    return this.#given(await this.#post('token_endpoint', form));
  }

  /** Whether the provider takes it back (RFC 7009). Rejects as well where it can't be asked. */
  async revoke(refreshToken: string): Promise<boolean> {
    const { revocation_endpoint: url } = await this.#described();
    if (typeof url !== 'string' || urlProblem(url) !== undefined) return false;
    const form = { token: refreshToken, token_type_hint: 'refresh_token', client_id: this.#options.clientId };
    return (await statusOfForm({ url: new URL(url), ca: this.#options.ca, ...BOUNDS }, form)) === 200;
  }

  #given(answer: JsonAnswer): GivenTokens {
    const said = isObject(answer.json) ? answer.json : {};
    // What says who somebody is; an access token may be a text that the provider alone understands.
    const token = textIn(said, 'id_token') || textIn(said, 'access_token');
    if (answer.status !== 200 || !/^[\x21-\x7e]+$/.test(token)) throw this.#refused(answer.json);
    const refreshToken = textIn(said, 'refresh_token') || undefined;
    const lasts = numberIn(said, 'expires_in');
    return { token, refreshToken, expireSeconds: endOf(token) ?? (lasts === undefined ? 0 : nowSeconds() + lasts) };
  }

  async #post(endpoint: string, form: Readonly<Record<string, string>>): Promise<JsonAnswer> {
    const url = (await this.#described())[endpoint];
    if (typeof url !== 'string') throw this.#failed(`does not say where its ${endpoint} is: it may not let devices in`);
    const problem = urlProblem(url);
    if (problem !== undefined) throw this.#failed(`names ${shown(url)} as its ${endpoint}, which ${problem}`);
    try {
      return await postForm({ url: new URL(url), ca: this.#options.ca, ...BOUNDS }, form);
    } catch (error) {
      throw this.#failed(`can't be asked: ${error instanceof Error ? shown(error.message) : ''}`);
    }
  }

  #described(): Promise<Readonly<Record<string, unknown>>> {
    this.#description ??= this.#describe();
    return this.#description;
  }

  async #describe(): Promise<Readonly<Record<string, unknown>>> {
    const { issuer, ca } = this.#options;
    const problem = urlProblem(issuer);
    if (problem !== undefined) throw new CommandFailure(`the issuer ${shown(issuer)} ${problem}`);
    try {
      return describedBy(issuer, await getJson({ url: new URL(descriptionUrl(issuer)), ca, ...BOUNDS }));
    } catch (error) {
      throw this.#failed(`can't be asked: ${error instanceof Error ? shown(error.message) : ''}`);
    }
  }

  #failed(why: string): CommandFailure {
    return new CommandFailure(`the identity provider ${shown(this.#options.issuer)} ${why}`);
  }

  #refused(json: unknown): CommandFailure {
    const said = isObject(json) ? json : {};
    const why = [textIn(said, 'error'), textIn(said, 'error_description')].filter((word) => word !== '').map(shown);
    const message = `the identity provider ${shown(this.#options.issuer)} says no: ${why.join(', ') || 'it does not say why'}`;
    return new CommandFailure(message, EXIT.denied);
  }
}

const wordOf = ({ status, json }: JsonAnswer): string =>
  status !== 200 && isObject(json) ? textIn(json, 'error') : '';

/** It goes to a terminal. */
const shown = (text: string): string => cut(printable(text), WORD_CHARACTERS);

function textIn(said: Readonly<Record<string, unknown>>, name: string): string {
  const value = said[name];
  return typeof value === 'string' ? value : '';
}

function numberIn(said: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = Number(said[name]);
  return said[name] !== undefined && Number.isFinite(value) && value >= 0 ? Math.min(value, 86_400) : undefined;
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** `exp` of a JWT. Nobody believes it for more than when to ask for the next one. */
function endOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return isObject(claims) && typeof claims['exp'] === 'number' ? Math.floor(claims['exp']) : undefined;
  } catch {
    return undefined;
  }
}
