/** `locum auth` against a controller of its own that asks everybody who he is, as an administrator, and those whom he lets in, type it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalIssuer } from '../controller/access/oidc/local-issuer.ts';
import { commandsOf, wordsOf } from '../docs/shell-blocks.ts';
import { runCaptured } from './captured-command.ts';
import { type Ended, LOCUM, runLocum } from './locum-command.ts';

const SETUP_MS = 60_000;

let folder = '';
let api = '';
let controller: ChildProcess;
let issuer: LocalIssuer;

/** Words as a shell splits them. */
const split = (line: string | readonly string[]): readonly string[] =>
  typeof line === 'string' ? wordsOf(line) : line;

/** On the controller's host, by its user. */
const asAdmin = (line: string | readonly string[]): Promise<Ended> =>
  runCaptured(api, split(line), { LOCUM_DATA_DIR: folder });

/** With this token, or with nothing. */
const as = (token: string, line: string | readonly string[]): Promise<Ended> =>
  runCaptured(api, split(line), { LOCUM_TOKEN: token });

/** What a good command prints. */
async function good(ending: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ending;
  expect(code, stderr).toBe(0);
  return stdout;
}

/** A new token with these roles. */
const tokenOf = async (holder: string, roles: string): Promise<string> =>
  (await good(asAdmin(`auth token create ${holder} --role ${roles}`))).trim();

function policyFile(name: string, { more = '', user = '' } = {}): string {
  const file = join(folder, `${name}.yaml`);
  const workload = `{ command: { argv: [sleep, "1000"] }${user === '' ? '' : `, user: ${user}`} }`;
  writeFileSync(file, `name: policies/${name}\nworkload: ${workload}\n${more}\n`);
  return file;
}

async function startController(): Promise<string> {
  const config = join(folder, 'controller.yaml');
  const claimRoles = '[{ claim: groups, value: sre, roles: [{ role: operator, pools: [edge] }] }]';
  const provider = `{ issuer: "${issuer.url}", audiences: [locum], claim_roles: ${claimRoles} }`;
  writeFileSync(config, `access: { identity_providers: [${provider}] }\n`);
  const listeners = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0', '--log-format', 'json'];
  controller = spawn(process.execPath, [LOCUM, 'controller', '--config', config, '--data-dir', folder, ...listeners], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  if (controller.stderr === null) throw new Error('its log is a pipe');
  createInterface({ input: controller.stderr }).on('line', (line) => {
    log.push(line);
    const { msg, apiAddress } = JSON.parse(line) as { readonly msg: string; readonly apiAddress?: string };
    if (msg === 'controller is ready') resolve(apiAddress ?? '');
  });
  controller.once('exit', (code) => reject(new Error(`ended with ${code}: ${log.join('\n')}`)));
  return promise;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locum-auth-'));
  issuer = await LocalIssuer.start();
  api = await startController();
  await good(asAdmin('pool create edge'));
  const edge = policyFile('on-edge', { more: 'pool: pools/edge\nlabels: { team: payments }' });
  const other = policyFile('elsewhere', { more: 'labels: { team: search }' });
  await good(asAdmin(`policy apply -f ${edge} -f ${other}`));
}, SETUP_MS);

afterAll(async () => {
  if (controller.exitCode === null) {
    controller.kill('SIGTERM');
    await once(controller, 'exit');
  }
  await issuer.close();
  rmSync(folder, { recursive: true, force: true });
}, SETUP_MS);

describe('locum auth whoami', () => {
  it('is the administrator on the host of the controller, found by itself, as a process of its own too', async () => {
    expect(await good(asAdmin('auth whoami'))).toMatch(
      /^operator:local-admin\/\S+ \(known by local\)\nroles: admin\n$/,
    );
    const ended = await runLocum(api, ['auth', 'whoami', '-o', 'name'], { env: { LOCUM_DATA_DIR: folder } });
    expect([ended.code, ended.stdout]).toEqual([0, expect.stringMatching(/^operator:local-admin\/\S+\n$/)]);
  });

  it('is the holder of a token, with what it gives and until when', async () => {
    const token = await tokenOf('deploy-bot', 'operator@edge --role viewer:team=search --ttl 1h');
    const told = await good(as(token, 'auth whoami'));
    expect(told).toMatch(
      /^operator:token\/deploy-bot \(known by token\)\nroles: operator@edge viewer:team=search\nuntil \S/,
    );
    const file = join(folder, 'token');
    writeFileSync(file, `${token}\n`);
    expect(await good(runCaptured(api, ['auth', 'whoami', '-o', 'name', '--token-file', file]))).toBe(
      'operator:token/deploy-bot\n',
    );
  });

  it('is who an identity provider says', async () => {
    const told = await good(as(await issuer.token({ claims: { groups: ['sre'] } }), 'auth whoami'));
    expect(told).toMatch(/^operator:user\/ann \(known by oidc\)\nroles: operator@edge\nuntil \S/);
    const other = await as(await issuer.token({ claims: { aud: 'other' } }), 'auth whoami');
    expect(other.code).toBe(4);
    expect(other.stderr).toContain('this token is for another program');
  });

  it('is nobody without anything to show: exit code 4, and what would help', async () => {
    const { code, stdout, stderr } = await runCaptured(api, ['auth', 'whoami']);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toContain('(UNAUTHENTICATED)');
    expect(stderr).toContain('Say who calls: LOCUM_TOKEN, --token-file FILE');
  });
});

describe('locum auth token', () => {
  it('prints what proves a token, alone, once, and never again', async () => {
    const { code, stdout, stderr } = await asAdmin('auth token create once --role viewer');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^locum_[0-9a-f]{20}_[\w-]{43}\n$/);
    expect(stderr).toMatch(/^tokens\/[0-9a-f]{20} for once: viewer, valid until /);
    const listed = await good(asAdmin('auth token list -o json'));
    expect(listed).toContain('"holder": "once"');
    expect(listed).not.toContain(stdout.trim().slice(-43));
    const table = await good(asAdmin('auth token list -o wide'));
    expect(table).toMatch(/^TOKEN\s+HOLDER\s+ROLES\s+EXPIRES\s+LAST USED\s+CREATED\s+BY\n/);
    expect(table).toMatch(/ once +viewer +\S.* never .*operator:local-admin/);
  });

  it('makes nothing in a dry run, and shows no secret then', async () => {
    const { stdout, stderr } = await asAdmin('auth token create dry --role viewer --dry-run');
    expect(stdout + stderr).not.toMatch(/locum_[0-9a-f]{20}_/);
    expect(await good(asAdmin('auth token list'))).not.toContain(' dry ');
  });

  it('is good for nothing once it is revoked, and says so', async () => {
    const token = await tokenOf('gone', 'viewer');
    expect((await as(token, 'pool list -o name')).stdout).toContain('pools/edge\n');
    const id = token.split('_')[1] ?? '';
    expect(await good(asAdmin(`auth token revoke ${id} --dry-run`))).toBe(`tokens/${id} would be revoked\n`);
    const other = (await tokenOf('gone-too', 'viewer')).split('_')[1] ?? '';
    expect(await good(asAdmin(`auth token revoke ${id} tokens/${other}`))).toBe(
      `tokens/${id} is revoked\ntokens/${other} is revoked\n`,
    );
    const refused = await as(token, 'pool list');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('(TOKEN_INVALID)');
    expect(refused.stderr).toContain('The token came from LOCUM_TOKEN');
    expect((await asAdmin(`auth token revoke ${id}`)).code).toBe(3);
  });

  it.each([
    ['auth token create x', "required option '--role"],
    ['auth token create x --role @edge', '"@edge" is no role that could be given'],
    ['auth token create x --role nobody-made-this', 'nobody-made-this'],
    ['auth token create x --role viewer --ttl never', 'use a time span'],
  ])('tells what is wrong with %j', async (line, why) => {
    const { code, stdout, stderr } = await asAdmin(line);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('defect');
  });
});

describe('locum auth role', () => {
  it('makes, replaces, lists and deletes roles, and keeps one that somebody has', async () => {
    await good(asAdmin('auth role set reader --permission policies.read --permission runs.read'));
    await good(asAdmin('auth role set reader --permission policies.read'));
    const table = await good(asAdmin('auth role list'));
    expect(table).toMatch(/^ROLE\s+BUILT IN\s+RUNS AS\s+PERMISSIONS\n/);
    expect(table).toMatch(/\nreader +- +- +policies\.read\n/);
    expect(await good(asAdmin('auth role list -o name'))).toMatch(/roles\/admin\nroles\/reader\n/);
    const token = await tokenOf('reads', 'reader');
    const inUse = await asAdmin('auth role delete reader --yes');
    expect([inUse.code, inUse.stderr]).toEqual([1, expect.stringContaining('(ROLE_IN_USE)')]);
    await good(asAdmin(`auth token revoke ${token.split('_')[1]}`));
    expect(await good(asAdmin('auth role delete reader --yes'))).toBe('roles/reader is deleted\n');
  });

  it.each([
    ['auth role set bad --permission policies.eat', 'policies.eat'],
    ['auth role set admin --permission pools.read', 'admin'],
    ['auth role delete viewer --yes', 'viewer'],
  ])('refuses %j', async (line, why) => {
    const { code, stderr } = await asAdmin(line);
    expect(code).toBe(1);
    expect(stderr).toContain(why);
  });
});

describe('locum auth user', () => {
  it('gives roles to those whom others name, and takes them', async () => {
    const ben = () => issuer.token({ claims: { sub: 'ben' } });
    expect((await as(await ben(), 'pool list')).code).toBe(4);
    await good(asAdmin('auth user set ben --role viewer'));
    expect(await good(asAdmin('auth user list'))).toMatch(/^USER +ROLES +SINCE\nben +viewer +\S/);
    expect((await as(await ben(), 'pool list')).code).toBe(0);
    expect(await good(asAdmin('auth user delete ben --yes'))).toBe('users/ben has no roles any more\n');
    expect((await as(await ben(), 'pool list')).code).toBe(4);
    expect((await asAdmin('auth user delete ben --yes')).code).toBe(3);
  });
});

describe('locum auth can-i', () => {
  it('says yes or no, by its exit code too, for a pool, a label and a user to run as', async () => {
    await good(
      asAdmin('auth role set runner --permission policies.run-as --permission policies.write --run-as nobody'),
    );
    const token = await tokenOf('asks', 'operator@edge --role viewer:team=search --role runner');
    const answers = async (line: string) => {
      const { code, stdout } = await runLocum(api, wordsOf(`auth can-i ${line}`), { env: { LOCUM_TOKEN: token } });
      return `${stdout.trim()} ${code}`;
    };
    expect(await answers('policies.operate policies/on-edge')).toBe('yes 0');
    expect(await answers('policies.operate policies/elsewhere')).toBe('no 1');
    expect(await answers('policies.operate')).toBe('no 1');
    expect(await answers('policies.read policies/elsewhere')).toBe('yes 0');
    expect(await answers('servers.read policies/elsewhere')).toBe('yes 0');
    expect(await answers('policies.run-as policies/on-edge --run-as nobody')).toBe('yes 0');
    expect(await answers('policies.run-as policies/on-edge')).toBe('no 1');
    const unknown = await as(token, 'auth can-i policies.eat');
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('there is no permission')]);
  });
});

describe('what somebody was given', () => {
  it('is all that he sees and changes: another pool is not there for him', async () => {
    const token = await tokenOf('edge-only', 'operator@edge');
    expect(await good(as(token, 'policy list -o name'))).toBe('policies/on-edge\n');
    expect(await good(as(token, 'policy pause on-edge'))).toContain('on-edge');
    // Whether they are there is not told.
    for (const line of [
      'policy show elsewhere',
      'policy pause elsewhere',
      'policy show nowhere',
      'policy pause nowhere',
    ])
      expect((await as(token, line)).code, line).toBe(4);
    const created = await as(token, 'pool create mine');
    expect([created.code, created.stderr]).toEqual([4, expect.stringContaining('pools.write')]);
    expect(created.stderr).toContain('(PERMISSION_DENIED)');
    await good(asAdmin('policy resume on-edge'));
  });

  it('runs programs as the users of its role only', async () => {
    const permissions = '--permission policies.read --permission policies.write --permission policies.run-as';
    await good(asAdmin(`auth role set author ${permissions} --run-as nobody`));
    const token = await tokenOf('writes', 'author');
    await good(as(token, `policy apply -f ${policyFile('as-nobody', { user: 'nobody' })}`));
    const refused = await as(token, `policy apply -f ${policyFile('as-keeper')}`);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('PERMISSION_DENIED')]);
  });

  it('is by the labels of a policy, as it is and as it would be', async () => {
    const permissions = '--permission policies.read --permission policies.write --permission policies.run-as';
    await good(asAdmin(`auth role set team-author ${permissions} --run-as payments`));
    const token = await tokenOf('payments-ci', 'team-author:team=payments');
    const file = (name: string, team: string) =>
      policyFile(name, { more: `labels: { team: ${team} }`, user: 'payments' });
    await good(as(token, `policy apply -f ${file('ours', 'payments')}`));
    expect((await as(token, `policy apply -f ${file('theirs', 'search')}`)).code).toBe(4);
    expect((await as(token, `policy apply -f ${file('ours', 'search')}`)).code, 'given away').toBe(4);
    expect((await as(token, `policy apply -f ${file('elsewhere', 'payments')}`)).code, 'taken').toBe(4);
    expect(await good(as(token, 'policy list -o name'))).toContain('policies/ours\n');
  });

  it('is the most that he can give to others', async () => {
    await good(
      asAdmin('auth role set giver --permission access.read --permission access.write --permission pools.read'),
    );
    const token = await tokenOf('gives', 'giver');
    for (const line of [
      'auth token create mine --role admin',
      'auth user set mine --role operator',
      'auth role set giver --permission pools.write',
    ]) {
      const { code, stdout, stderr } = await as(token, line);
      expect([code, stdout], line).toEqual([4, '']);
      expect(stderr).toContain('(PERMISSION_DENIED)');
    }
    await good(as(token, 'auth role set small --permission pools.read'));
    await good(as(token, 'auth token create friend --role small'));
  });
});

describe('docs/access.md', () => {
  it('shows commands that do what it says, on the host of a new controller', async () => {
    const lines = commandsOf('docs/access.md').filter(({ text }) => text.startsWith('locum '));
    expect(lines.length).toBeGreaterThan(4);
    await good(asAdmin(`policy apply -f ${policyFile('nightly')}`));
    for (const { text } of lines) expect((await asAdmin(wordsOf(text).slice(1))).code, text).toBe(0);
  });
});
