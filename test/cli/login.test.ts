/** `locum login` with an identity provider on loopback, for a real controller that asks who calls and knows that provider. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { clientOf, tokenOfLogin } from '../../cli/login/kept-login.ts';
import { LocalIssuer } from '../controller/access/oidc/local-issuer.ts';
import { ControllerWorld } from '../controller/controller-world.ts';
import { runCaptured } from '../e2e/captured-command.ts';
import { LoginDesk } from './login-desk.ts';

let issuer: LocalIssuer;
let world: ControllerWorld;
let desk: LoginDesk;
let home: string;

const file = (): string => join(home, 'locum', 'config.yaml');
const text = (): string => readFileSync(file(), 'utf8');
const locum = (words: string) => runCaptured(undefined, words.split(' '), { XDG_CONFIG_HOME: home });
const login = () => locum(`login --issuer ${issuer.url} --client-id locum`);
const whoami = () => locum('auth whoami -o name');

beforeAll(async () => {
  issuer = await LocalIssuer.start();
  world = await ControllerWorld.start();
  await world.stop();
  await world.start({ open: false, dataDirectory: world.folder, identityProviders: [issuer.settings()] });
});
afterAll(async () => {
  await world.dispose();
  await issuer.close();
});
beforeEach(async () => {
  desk = new LoginDesk(issuer);
  home = mkdtempSync(join(tmpdir(), 'locum-login-'));
  await locum(`context set lab --address ${world.controller.apiAddress}`);
  return () => rmSync(home, { recursive: true });
});

describe('locum login', () => {
  it('shows where to log in and by which code, waits, and has the token in the file of its owner', async () => {
    const { code, stderr } = await login();
    expect(stderr).toContain('Open https://login.example.com/device');
    expect(stderr).toContain('the code WDJB-MJHT');
    expect(stderr).toContain('Logged in: the context lab has it.');
    expect(code).toBe(0);
    expect(desk.posted.map(({ path }) => path)).toEqual(['/device', '/token', '/token']);
    expect(desk.posted[0]).toMatchObject({ client_id: 'locum', scope: 'openid profile email offline_access' });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect((await whoami()).stdout).toBe('operator:user/ann\n');
    // The second time it knows where.
    expect((await locum('login lab')).code).toBe(0);
  });

  it('takes the place of another token, and shows no secret', async () => {
    await locum('context set lab --token locum_k1_secret');
    await login();
    expect(text()).not.toContain('locum_k1_secret');
    for (const words of ['context show', 'context show -o json', 'context list -o yaml', 'context show --effective']) {
      const { stdout } = await locum(words);
      expect(stdout).toContain('login');
      expect(stdout).not.toContain(desk.refreshToken);
      expect(stdout).not.toMatch(/eyJ/);
    }
    await locum('context set lab --token x');
    expect(text()).not.toContain('login');
  });

  it('is made new before it ends', async () => {
    // Within the half minute before its end.
    desk.lifeSeconds = 20;
    await login();
    desk.lifeSeconds = 300;
    expect((await whoami()).stdout).toBe('operator:user/ann\n');
    expect(desk.posted.at(-1)).toMatchObject({ grant_type: 'refresh_token', refresh_token: 'refresh-1' });
    expect(text()).toContain('refresh-2');
    const posts = desk.posted.length;
    expect((await whoami()).code).toBe(0);
    expect(desk.posted).toHaveLength(posts);
  });

  it('is made new once by all who find it at its end, whose refresh token is good once', async () => {
    desk.lifeSeconds = 20;
    await login();
    desk.lifeSeconds = 300;
    const place = { path: file(), context: 'lab' };
    const tokens = await Promise.all([tokenOfLogin(place), tokenOfLogin(place), tokenOfLogin(place)]);
    expect(new Set(tokens).size).toBe(1);
    expect(text()).toContain(tokens[0]);
  });

  it('has to be done again when the provider takes it back', async () => {
    desk.lifeSeconds = 20;
    await login();
    desk.refusal = 'invalid_grant';
    const { code, stderr } = await whoami();
    expect(stderr).toContain('the login has ended');
    expect(stderr).toContain('"locum login lab" logs in.');
    expect(code).toBe(4);
  });

  it('goes on while the provider can not be asked for a moment', async () => {
    desk.absences = 2;
    expect((await login()).code).toBe(0);
    expect(text()).toContain('refresh-1');
  });

  it('that can not be kept is of use all the same, and that is said', async () => {
    desk.lifeSeconds = 20;
    await login();
    desk.lifeSeconds = 300;
    // In the place of the draft: nothing can be written.
    mkdirSync(`${file()}.new-${process.pid}`);
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    onTestFinished(() => told.mockRestore());
    const token = await tokenOfLogin({ path: file(), context: 'lab' });
    expect(text()).not.toContain(token);
    expect(told.mock.calls.join()).toContain(`could not be kept in ${file()}`);
  });

  it('that is turned down is told, and keeps nothing', async () => {
    desk.refusal = 'access_denied';
    const { code, stderr } = await login();
    expect(stderr).toContain('says no: access_denied');
    expect(code).toBe(4);
    expect(text()).not.toContain('login');
  });

  it('needs a context, a provider, and one that lets devices in', async () => {
    expect((await locum('login other --issuer x --client-id y')).stderr).toContain('there is no context "other"');
    expect((await locum('login')).stderr).toContain('give --issuer URL and --client-id ID');
    const plain = await locum('login --issuer http://192.0.2.1 --client-id locum');
    expect(plain.stderr).toContain('has to begin with https://');
    issuer.described = {};
    expect((await login()).stderr).toContain('does not say where its device_authorization_endpoint is');
  });
});

describe('locum logout', () => {
  it('forgets the token, and has the provider take it back', async () => {
    await login();
    const { stderr } = await locum('logout');
    expect(stderr).toContain('Logged out');
    expect(desk.posted.at(-1)).toMatchObject({ path: '/revoke', token: 'refresh-1' });
    expect(text()).not.toMatch(/eyJ|refresh-1/);
    const after = await whoami();
    expect(after.stderr).toContain('nobody is logged in in the context lab');
    expect(after.code).toBe(4);
    expect((await locum('logout')).stderr).toContain('Nobody is logged in');
    expect((await locum('login')).code).toBe(0);
  });

  it('says so when the provider did not take it back', async () => {
    await login();
    desk.absences = 1;
    expect((await locum('logout')).stderr).toContain('did not take it back');
    expect(text()).not.toMatch(/eyJ|refresh-1/);
  });
});

it('a file of roots without a certificate is refused: an empty one would stand for those that everybody trusts', async () => {
  const settings = { issuer: 'https://login.example', clientId: 'locum', providerCaFile: '/dev/null' };
  await expect(clientOf(settings, file())).rejects.toThrow('/dev/null has no certificate');
});
