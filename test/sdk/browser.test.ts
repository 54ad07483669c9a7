/** The SDK for browsers, in a real one, from a page of another origin than the controllers. */
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../sdk/typescript/browser.ts';
import { startPoolListener } from '../rpc/pool-listener.ts';
import { BrowserDriver } from './browser-driver.ts';
import { allowingPages, browserMissing, PAGE_HOST } from './chromium.ts';
import { playConformance } from './play-conformance.ts';

const NO_WHY = 'a browser does not tell why a request failed, so it may have arrived and is repeated';
const NO_AUTHORITY = 'a browser trusts authorities and shows certificates by its own settings';
const ASKED = ['a token', 'a wrong token', 'a certificate', 'nothing'].map((what) => `somebody with ${what}`);

playConformance(
  'browsers',
  () => {
    const missing = browserMissing();
    return missing === undefined ? { start: () => new BrowserDriver() } : { missing };
  },
  {
    controllerFlags: allowingPages,
    without: {
      nobody: NO_WHY,
      'a certificate that nobody trusts': NO_WHY,
      // Before anything is known of whoever asks, no page is allowed to read the answer.
      'somebody in plain text': NO_WHY,
      ...Object.fromEntries(ASKED.map((as) => [as, NO_AUTHORITY])),
    },
  },
);

describe('a page', () => {
  const driver = new BrowserDriver();
  beforeEach((ctx) => {
    const missing = browserMissing();
    if (missing !== undefined) ctx.skip(missing);
  });
  afterAll(() => driver.stop());

  /** A listener of another origin, and what of its requests was let in. */
  async function listener(allowedHosts: readonly string[]) {
    const tokens: (string | undefined)[] = [];
    const { target } = await startPoolListener({
      allowedHosts,
      admitted: (handler) => (request, response) => {
        tokens.push(request.headers.authorization);
        handler(request, response);
      },
    });
    const client = await driver.connect({ addresses: [target], timeoutMs: 20_000, token: 'secret' });
    onTestFinished(client.close);
    return { client, tokens };
  }

  it('shows its token to a controller that allows it', async () => {
    const { client, tokens } = await listener([PAGE_HOST]);
    expect(await client.call('GetPool', { name: 'pools/default' })).toMatchObject({ answer: {} });
    expect(tokens).toEqual(['Bearer secret']);
  });

  it('sends nothing to a controller that does not', async () => {
    const { client, tokens } = await listener([]);
    expect(await client.call('GetPool', { name: 'pools/default' })).toEqual({ failed: 'UNKNOWN' });
    expect(tokens).toEqual([]);
  });
});

describe('a client for pages', () => {
  it.each(['c1.example:7400', 'ftp://c1.example', 'https://c1.example/api', 'https://user@c1.example'])(
    'takes no %s for an origin',
    (origin) => expect(() => connect({ origins: [origin] })).toThrow(/is no origin/),
  );

  it('shows no token to another host in plain text', () => {
    const token = 'secret';
    expect(() => connect({ origins: ['http://c1.example:7400'], token })).toThrow(/plain text/);
    for (const origin of ['https://c1.example:7400', 'http://127.0.0.1:7400', 'http://localhost']) {
      connect({ origins: [origin], token }).close();
    }
  });
});
