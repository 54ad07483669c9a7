/** Tokens of an identity provider, judged with keys that come from a real one on loopback. Time is the test's own. */
import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { exportSPKI, importJWK } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ProviderSettings } from '../../../../controller/access/oidc/provider-settings.ts';
import { ProviderTokens } from '../../../../controller/access/oidc/provider-tokens.ts';
import { LocumError } from '../../../../shared/errors.ts';
import { createLogger } from '../../../../shared/log.ts';
import { eventually } from '../../controller-world.ts';
import { LocalIssuer, makeKey } from './local-issuer.ts';

const log = createLogger({ name: 'test', level: 'silent', format: 'json' });
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface World {
  readonly issuer: LocalIssuer;
  readonly tokens: ProviderTokens;
  /** Lets time pass, by both clocks. */
  readonly pass: (ms: number) => void;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

async function worldOf(more: Partial<ProviderSettings> = {}): Promise<World> {
  const issuer = await LocalIssuer.start();
  onTestFinished(() => issuer.close());
  const startWall = Date.now();
  let passedMs = 0;
  const clocks = { nowWall: () => startWall + passedMs, nowMono: () => passedMs };
  const tokens = new ProviderTokens([issuer.settings(more)], { log, ...clocks });
  return {
    issuer,
    tokens,
    pass: (ms) => {
      passedMs += ms;
    },
    now: () => clocks.nowWall() / 1_000,
  };
}

/** What is said to whoever shows this token. */
async function refusalOf(verified: Promise<unknown>): Promise<string> {
  try {
    await verified;
  } catch (error) {
    if (error instanceof LocumError) return `${error.reason}: ${error.message}`;
    throw error;
  }
  return 'taken';
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token of an identity provider', () => {
  it('says who somebody is, what he is given, and until when', async () => {
    const claimRoles = [{ claim: 'groups', value: 'sre', roles: [{ role: 'operator', pools: ['edge'] }] }];
    const { issuer, tokens, now } = await worldOf({ claimRoles, userPrefix: 'corp-' });
    const exp = Math.floor(now()) + 60;
    expect(await tokens.verify(await issuer.token({ claims: { groups: ['sre'], exp } }))).toEqual({
      name: 'corp-ann',
      roles: [{ role: 'operator', pools: ['edge'] }],
      expireWall: exp * 1_000 + 30_000,
    });
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('may be signed with %s', async (alg) => {
    const { issuer, tokens } = await worldOf();
    issuer.publish(await makeKey('other', alg));
    expect(await refusalOf(tokens.verify(await issuer.token()))).toBe('taken');
  });

  it('may be for several, of whom we are one, and of the type of access tokens', async () => {
    const { issuer, tokens } = await worldOf();
    const token = await issuer.token({ claims: { aud: ['other', 'locum'] }, header: { typ: 'application/at+jwt' } });
    expect(await refusalOf(tokens.verify(token))).toBe('taken');
  });

  it.each([
    ['another audience', { aud: 'other' }, 'is for another program'],
    ['no audience', { aud: undefined }, 'is for another program'],
    [
      'another issuer',
      { iss: 'https://evil.example' },
      'takes no tokens of the identity provider "https://evil.example"',
    ],
    ['an issuer that differs by a slash', { iss: 'http://127.0.0.1/' }, 'takes no tokens of the identity provider'],
    ['no issuer', { iss: undefined }, 'does not say which identity provider'],
    ['no end', { exp: undefined }, 'does not hold'],
    ['an end that is no number', { exp: 'never' }, 'does not hold'],
    ['no name', { sub: undefined }, 'does not say who has it'],
  ])('with %s is refused', async (_, claims, why) => {
    const { issuer, tokens } = await worldOf();
    const token = await issuer.token({ claims });
    expect(await refusalOf(tokens.verify(token))).toMatch(new RegExp(`^TOKEN_INVALID: .*${why}`));
  });

  it('holds from its beginning to its end, give or take the skew of the clocks', async () => {
    const { issuer, tokens, pass, now } = await worldOf();
    const begin = Math.floor(now());
    const token = await issuer.token({ claims: { nbf: begin + 60, exp: begin + 120 } });
    expect(await refusalOf(tokens.verify(token))).toContain('not valid yet');
    pass(40_000);
    expect(await refusalOf(tokens.verify(token))).toBe('taken');
    pass(105_000);
    expect(await refusalOf(tokens.verify(token))).toBe('taken');
    pass(10_000);
    expect(await refusalOf(tokens.verify(token))).toBe(
      'TOKEN_INVALID: this token has expired: ask the identity provider for another one',
    );
  });

  it('without a signature is refused, before anything is asked of the provider', async () => {
    const { issuer, tokens, now } = await worldOf();
    const claims = { iss: issuer.url, aud: 'locum', sub: 'root', exp: now() + 60 };
    for (const alg of ['none', 'None', 'NONE', '']) {
      const token = `${encoded({ alg })}.${encoded(claims)}.`;
      expect(await refusalOf(tokens.verify(token))).toMatch(/^TOKEN_INVALID/);
    }
    expect(issuer.asked).toEqual([]);
  });

  it('signed with the public key as if it were a shared secret is refused', async () => {
    const { issuer, tokens, now } = await worldOf();
    issuer.publish(await makeKey('rsa', 'RS256'));
    const { publicJwk } = issuer.key;
    const pem = await exportSPKI((await importJWK(publicJwk, 'RS256', { extractable: true })) as CryptoKey);
    const claims = { iss: issuer.url, aud: 'locum', sub: 'root', exp: now() + 60 };
    for (const secret of [pem, pem.trim(), JSON.stringify(publicJwk), publicJwk.n ?? '']) {
      const signed = `${encoded({ alg: 'HS256', kid: 'rsa' })}.${encoded(claims)}`;
      const token = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
      expect(await refusalOf(tokens.verify(token))).toMatch(/^TOKEN_INVALID: .*proves nothing/);
    }
  });

  it('signed by somebody else under the name of a known key, or with a key that it brings itself, is refused', async () => {
    const { issuer, tokens } = await worldOf();
    const forged = await makeKey('first');
    expect(await refusalOf(tokens.verify(await issuer.token({ key: forged })))).toContain('is not signed by');
    const own = await makeKey('own');
    const header = { jwk: own.publicJwk, jku: 'http://127.0.0.1:1/keys' };
    expect(await refusalOf(tokens.verify(await issuer.token({ key: own, header })))).toContain('does not have');
  });

  it('that was changed afterwards is refused', async () => {
    const { issuer, tokens } = await worldOf();
    const [header = '', payload = '', signature = ''] = (await issuer.token()).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const changed = `${header}.${encoded({ ...claims, sub: 'root' })}.${signature}`;
    expect(await refusalOf(tokens.verify(changed))).toContain('is not signed by');
  });

  it.each(['logout+jwt', 'secevent+jwt', 'dpop+jwt'])('of the type %s proves nothing', async (typ) => {
    const { issuer, tokens } = await worldOf();
    expect(await refusalOf(tokens.verify(await issuer.token({ header: { typ } })))).toContain('no proof of who calls');
  });

  it.each(['a.b.c', '..', `${encoded({ alg: 'ES256' })}.${encoded(['x'])}.x`, `${encoded(7)}.${encoded({})}.x`])(
    'that is none, as in %s, is refused',
    async (text) => {
      const { tokens } = await worldOf();
      expect(await refusalOf(tokens.verify(text))).toMatch(/^TOKEN_INVALID/);
    },
  );
});

describe('the keys of an identity provider', () => {
  it('are asked for once by all who wait, and again, behind their backs, when they are as old as they may be', async () => {
    const { issuer, tokens, pass, now } = await worldOf();
    const token = await issuer.token({ claims: { exp: now() + 3_600 } });
    await Promise.all(Array.from({ length: 50 }, () => tokens.verify(token)));
    pass(9 * MINUTE);
    await tokens.verify(token);
    expect(issuer.asked).toHaveLength(2);
    pass(MINUTE);
    await tokens.verify(token);
    await eventually(async () => (issuer.asked.length === 4 ? true : undefined));
  });

  it('keep nobody waiting who shows a key that is known, while the provider hangs', async () => {
    const { issuer, tokens, pass, now } = await worldOf();
    const token = await issuer.token({ claims: { exp: now() + 3_600 } });
    await tokens.verify(token);
    const hanging: ServerResponse[] = [];
    issuer.instead = (_, response) => void hanging.push(response);
    pass(11 * MINUTE);
    await Promise.all(Array.from({ length: 50 }, () => tokens.verify(token)));
    await eventually(async () => (hanging.length > 0 ? true : undefined));
    await tokens.verify(token);
    // Who had waited would have been let go by the end of what the provider is given.
    expect(hanging.map(({ destroyed }) => destroyed)).toEqual([false]);
  });

  it('are asked for also while nobody shows a token', async () => {
    const { issuer, tokens, pass } = await worldOf();
    await tokens.verify(await issuer.token());
    const old = await issuer.token();
    await issuer.rotate('second');
    pass(11 * MINUTE);
    const over = new AbortController();
    onTestFinished(() => over.abort());
    tokens.keepFresh(over.signal, 5);
    await eventually(async () => (issuer.asked.length === 4 ? true : undefined));
    const refused = async (): Promise<string | undefined> => {
      const answer = await refusalOf(tokens.verify(old));
      return answer === 'taken' ? undefined : answer;
    };
    expect(await eventually(refused)).toContain('does not have');
  });

  it('are asked for when a token names a new one, and the old one is forgotten then', async () => {
    const { issuer, tokens, pass } = await worldOf();
    const old = await issuer.token();
    await tokens.verify(old);
    await issuer.rotate('second');
    pass(6_000);
    expect(await refusalOf(tokens.verify(await issuer.token()))).toBe('taken');
    expect(await refusalOf(tokens.verify(old))).toContain('does not have');
  });

  it('are not asked for more often than every five seconds, whatever keys are named', async () => {
    const { issuer, tokens, pass } = await worldOf();
    for (let i = 0; i < 20; i += 1) {
      const key = { ...issuer.key, kid: `made-up-${i}` };
      expect(await refusalOf(tokens.verify(await issuer.token({ key })))).toContain('does not have');
      pass(500);
    }
    expect(issuer.asked.filter((path) => path === '/keys')).toHaveLength(2);
  });

  it('count for a day while the provider is away, and not longer; once it is back, all is well', async () => {
    const { issuer, tokens, pass, now } = await worldOf();
    await tokens.verify(await issuer.token());
    const { port } = issuer;
    await issuer.goDown();
    const token = () => issuer.token({ at: now() });
    pass(23 * HOUR);
    expect(await refusalOf(tokens.verify(await token()))).toBe('taken');
    pass(2 * HOUR);
    expect(await refusalOf(tokens.verify(await token()))).toMatch(/^PROVIDER_UNAVAILABLE: .*can't be had/);
    await issuer.listen(port);
    pass(6_000);
    expect(await refusalOf(tokens.verify(await token()))).toBe('taken');
  });

  it('are not needed to refuse what can not be good: the provider may be away', async () => {
    const { issuer, tokens } = await worldOf();
    const other = await issuer.token({ claims: { iss: 'https://evil.example' } });
    await issuer.goDown();
    expect(await refusalOf(tokens.verify(other))).toMatch(/^TOKEN_INVALID/);
    expect(await refusalOf(tokens.verify(await issuer.token()))).toMatch(/^PROVIDER_UNAVAILABLE/);
  });

  it.each<[string, LocalIssuer['instead']]>([
    ['too much', (_, response) => void response.end(`{"keys": [], "x": "${'x'.repeat(600_000)}"}`)],
    ['a redirection', (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end()],
    ['an error', (_, response) => void response.writeHead(500).end('{}')],
    ['a page', (_, response) => void response.end('<html>log in here</html>')],
    ['something else', (_, response) => void response.end('[7]')],
    ['nothing, and hangs up', (request) => void request.socket.destroy()],
  ])('can not be had where the provider answers with %s', async (_, instead) => {
    const { issuer, tokens } = await worldOf();
    issuer.instead = instead;
    expect(await refusalOf(tokens.verify(await issuer.token()))).toMatch(/^PROVIDER_UNAVAILABLE/);
    expect(issuer.asked).not.toContain('/elsewhere');
  });

  it('can not be had from a provider that calls itself otherwise', async () => {
    const { issuer, tokens } = await worldOf();
    issuer.named = 'https://evil.example';
    expect(await refusalOf(tokens.verify(await issuer.token()))).toMatch(/^PROVIDER_UNAVAILABLE/);
    expect(issuer.asked).not.toContain('/keys');
  });

  it('are taken from the URL that is configured, without asking for a description', async () => {
    const { issuer } = await worldOf();
    const tokens = new ProviderTokens([issuer.settings({ jwksUrl: `${issuer.url}/keys` })], { log });
    await tokens.warmUp();
    expect(await refusalOf(tokens.verify(await issuer.token()))).toBe('taken');
    expect(issuer.asked).toEqual(['/keys']);
  });

  it('that are shared secrets open nothing', async () => {
    const { issuer, tokens, now } = await worldOf();
    const secret = Buffer.alloc(32, 7);
    issuer.publish({
      ...issuer.key,
      publicJwk: { kty: 'oct', k: secret.toString('base64url'), alg: 'HS256', kid: 'first' },
    });
    const claims = { iss: issuer.url, aud: 'locum', sub: 'root', exp: now() + 60 };
    const signed = `${encoded({ alg: 'HS256', kid: 'first' })}.${encoded(claims)}`;
    const token = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
    expect(await refusalOf(tokens.verify(token))).toMatch(/^TOKEN_INVALID/);
    expect(await refusalOf(tokens.verify(await issuer.token()))).toMatch(/^TOKEN_INVALID/);
  });
});
