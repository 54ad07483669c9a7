import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadControllerSettings } from '../../../controller/config/config.ts';

function load(providers: string, { insecure = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'locum-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'controller.yaml');
  writeFileSync(file, `insecure: ${insecure}\naccess: { identity_providers: [${providers}] }\n`);
  return loadControllerSettings({ file, flags: {}, env: { XDG_STATE_HOME: '/state' } }).identityProviders;
}

describe('identity providers of a configuration', () => {
  it('are none where none are named', () => {
    expect(load('')).toBeUndefined();
  });

  it('have every default', () => {
    expect(load('{ issuer: "https://login.example", audiences: [locum] }')).toEqual([
      {
        issuer: 'https://login.example',
        audiences: ['locum'],
        userClaim: 'sub',
        userPrefix: '',
        claimRoles: [],
        keysTtlMs: 600_000,
        clockSkewMs: 30_000,
        insecure: false,
      },
    ]);
  });

  it('say what claims give', () => {
    const roles = '{ claim: groups, value: sre, roles: [{ role: operator, pools: [edge] }, { role: viewer }] }';
    expect(
      load(`{ issuer: "https://login.example", audiences: [locum], clock_skew: 0s, claim_roles: [${roles}] }`),
    ).toMatchObject([
      {
        clockSkewMs: 0,
        claimRoles: [
          { claim: 'groups', value: 'sre', roles: [{ role: 'operator', pools: ['edge'] }, { role: 'viewer' }] },
        ],
      },
    ]);
  });

  it.each([
    ['{ issuer: "https://login.example" }', 'access.identity_providers[0].audiences'],
    ['{ audiences: [locum] }', 'access.identity_providers[0].issuer'],
    ['{ issuer: login.example, audiences: [locum] }', 'is no URL'],
    ['{ issuer: "http://login.example", audiences: [locum] }', 'has to begin with https://'],
    ['{ issuer: "ftp://login.example", audiences: [locum] }', 'has to begin with https://'],
    ['{ issuer: "https://ann:pw@login.example", audiences: [locum] }', 'has a password in it'],
    ['{ issuer: "https://a.example", audiences: [locum], jwks_url: "http://a.example/keys" }', 'jwks_url'],
    ['{ issuer: "https://a.example", audiences: [locum], ca_file: /nowhere.pem }', '/nowhere.pem'],
    ['{ issuer: "https://a.example", audiences: [locum], ca_file: /dev/null }', '/dev/null has no certificate'],
    [
      '{ issuer: "https://a.example", audiences: [x] }, { issuer: "https://a.example", audiences: [y] }',
      'name it once',
    ],
    ['{ issuer: "https://a.example", audiences: [x], keys_ttl: 1s }', 'keys_ttl'],
    ['{ issuer: "https://a.example", audiences: [x], claim_roles: [{ claim: g, value: v }] }', 'roles'],
    ['{ issuer: "https://a.example", audience: [x] }', 'did you mean'],
  ])('are refused as %s', (text, why) => {
    expect(() => load(text)).toThrow(why);
  });

  it('may be on loopback without encryption, and elsewhere with insecure only', () => {
    for (const issuer of ['http://127.0.0.1:8080', 'http://localhost/realm', 'http://[::1]:8080'])
      expect(load(`{ issuer: "${issuer}", audiences: [locum] }`)).toMatchObject([{ issuer }]);
    expect(load('{ issuer: "http://login.example", audiences: [locum] }', { insecure: true })).toHaveLength(1);
  });

  it('may stand in the environment, as in a file', () => {
    const variable = 'LOCUM_CONTROLLER_ACCESS_IDENTITY_PROVIDERS';
    const env = { XDG_STATE_HOME: '/state', [variable]: '[{ issuer: "https://login.example", audiences: [locum] }]' };
    expect(loadControllerSettings({ flags: {}, env }).identityProviders).toMatchObject([{ audiences: ['locum'] }]);
    const wrong = { ...env, [variable]: '[{ issuer: "http://login.example", audiences: [locum] }]' };
    expect(() => loadControllerSettings({ flags: {}, env: wrong })).toThrow(
      `${variable}: access.identity_providers[0].issuer: http://login.example has`,
    );
  });
});
