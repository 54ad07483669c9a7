import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialsOf } from '../../cli/client/credentials.ts';
import type { Destination } from '../../cli/context/target.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { runCaptured } from '../e2e/captured-command.ts';
import { type FakeApi, fakeApi } from './fake-api.ts';

const NOBODY = 65_534;
/** Says its port, and when somebody comes. */
const LISTENER =
  "const s = require('net').createServer(() => console.log('asked')).listen(0, '127.0.0.1', () => console.log(s.address().port))";

let home: string;
let api: FakeApi;
/** What the controller was shown, one for each call. */
let shown: (string | null)[];
let refuses: boolean;

const file = (): string => join(home, 'locum', 'config.yaml');
const text = (): string => readFileSync(file(), 'utf8');
const locum = (words: string, env: Readonly<Record<string, string>> = {}) =>
  runCaptured(undefined, words.split(' '), { XDG_CONFIG_HOME: home, ...env });

function write(yaml: string): void {
  mkdirSync(join(home, 'locum'), { recursive: true });
  writeFileSync(file(), yaml, { mode: 0o600 });
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'locum-context-'));
  shown = [];
  refuses = false;
  api = await fakeApi((router) =>
    router.service(ServerService, {
      listServers: (_request, { requestHeader }) => {
        shown.push(requestHeader.get('authorization'));
        if (refuses) throw new ConnectError('who is it?', Code.Unauthenticated);
        return { servers: [{ name: 'servers/web-1' }] };
      },
    }),
  );
});
afterEach(async () => {
  await api.close();
  rmSync(home, { recursive: true });
});

describe('locum context', () => {
  it('makes, lists, uses and deletes contexts', async () => {
    expect((await locum('context list')).stderr).toContain('locum context set');
    const made = await locum('context set prod --address c1:7400,c2:7400 --ca-file ca.crt');
    expect(made.stderr).toContain('Context prod is made, and used from now on.');
    expect((await locum('context set lab --address 127.0.0.1:7500 -o wide')).stderr).toBe('Context lab is made.\n');
    expect((await locum('context list -o name')).stdout).toBe('lab\nprod\n');
    expect((await locum('context list')).stdout).toMatch(/\*\s+prod\s+c1:7400,c2:7400\s+\S+\/ca.crt/);
    await locum('context use lab');
    expect((await locum('context show')).stdout).toBe('addresses:\n  - 127.0.0.1:7500\noutput: wide\n');
    expect((await locum('context delete lab')).stderr).toContain('No context is used now');
    expect((await locum('context list -o name')).stdout).toBe('prod\n');
  });

  it('keeps the file for its owner only, and says when others can read it', async () => {
    await locum(`context set lab --address ${api.address}`);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    chmodSync(file(), 0o644);
    const listed = await locum('server list -o name');
    expect(listed.stdout).toBe('servers/web-1\n');
    expect(listed.stderr).toBe(`warning: ${file()} is open to other users of this host (644): chmod 600 it\n`);
  });

  it('changes what it is told to, and leaves comments and the rest as they are', async () => {
    write('# mine\ncurrentContext: a\ncontexts:\n  # the lab\n  a:\n    addresses: [h:1]\n    tokenFile: t\n');
    await locum('context set a --token locum_k1_secret');
    expect(text()).toBe(
      '# mine\ncurrentContext: a\ncontexts:\n  # the lab\n  a:\n    addresses: [ h:1 ]\n    token: locum_k1_secret\n',
    );
    await locum('context set a --unset token');
    expect(text()).not.toContain('token');
    expect((await locum('context set a --unset tokne')).stderr).toContain('possible: address, tls, token, output');
  });

  it('changes the file that a link leads to', async () => {
    mkdirSync(join(home, 'locum'));
    writeFileSync(join(home, 'dotfile'), 'contexts: {}\n', { mode: 0o600 });
    symlinkSync(join(home, 'dotfile'), file());
    await locum('context set a --address h:1');
    expect(readFileSync(join(home, 'dotfile'), 'utf8')).toContain('h:1');
  });

  it('shows no secret', async () => {
    await locum('context set a --address h:1 --token locum_k1_secret');
    await locum('context set b --address h:1 --token eyJhbGciOi.secret.secret');
    for (const words of [
      'context list',
      'context list -o json',
      'context list -o yaml',
      'context show a',
      'context show b',
      'context show a --effective',
      'context show b --effective -o json',
    ]) {
      const { stdout, stderr } = await locum(words);
      expect(stdout + stderr).toContain('********');
      expect(stdout + stderr).not.toContain('secret');
    }
  });

  it('takes nothing that it could not read again', async () => {
    await locum('context set a --address h:1');
    const before = text();
    for (const words of ['context set ../b --address h:1', 'context set b --address h', 'context set b -o xml']) {
      const { code } = await locum(words);
      expect(code, words).toBe(1);
    }
    expect(text()).toBe(before);
  });

  it.each([
    ['contexts:\n  a:\n    adress: [h:1]\n', 'did you mean'],
    ['contexts:\n  a:\n    addresses: [h]\ncurrent_context: a\n', 'context a: "h" is not host:port'],
    [
      'contexts:\n  a: {token: x, token_file: y}\ncurrent_context: a\n',
      'context a: token and token_file exclude each other',
    ],
    ['contexts:\n  a: {cert_file: x}\ncurrent_context: a\n', 'context a: cert_file and key_file belong together'],
    ['contexts:\n  a: {output: xml}\ncurrent_context: a\n', 'context a: output "xml" is none of table'],
    ['current_context: gone\n', 'there is no context "gone" (current_context)'],
    ['contexts: [\n', 'config.yaml'],
  ])('says what is wrong with a file, and asks nobody: %j', async (yaml, problem) => {
    write(yaml);
    const { code, stderr } = await locum('server list');
    expect(stderr).toContain(problem);
    expect(stderr).not.toContain('defect');
    expect(code).not.toBe(0);
    expect(shown).toEqual([]);
  });

  it('completes names of contexts, and those of the cluster that the line names', async () => {
    write(`contexts:\n  lab: {addresses: ["${api.address}"], token: of-lab}\n  prod: {addresses: ["c1:7400"]}\n`);
    expect((await locum('complete-words -- context use ')).stdout).toBe('lab\nprod\n');
    expect((await locum('complete-words -- server list --context ')).stdout).toBe('lab\nprod\n');
    expect((await locum('complete-words -- server show --context lab ')).stdout).toBe('web-1\n');
    expect(shown).toEqual(['Bearer of-lab']);
  });
});

describe('a command', () => {
  it('goes where its context says, with its token, and prints as it says', async () => {
    await locum(`context set lab --address ${api.address} --token of-lab -o name`);
    expect((await locum('server list')).stdout).toBe('servers/web-1\n');
    expect(shown).toEqual(['Bearer of-lab']);
  });

  it('takes the context that is named by --context or LOCUM_CONTEXT, and says when there is none', async () => {
    await locum('context set other --address 127.0.0.1:1');
    await locum(`context set lab --address ${api.address}`);
    expect((await locum('server list --context lab')).code).toBe(0);
    expect((await locum('server list', { LOCUM_CONTEXT: 'lab' })).code).toBe(0);
    const missed = await locum('server list --context lba');
    expect([missed.code, missed.stderr]).toEqual([3, 'error: there is no context "lba"\nDid you mean "lab"?\n']);
  });

  it('shows the token of LOCUM_TOKEN, or of a file, which is read anew', async () => {
    await locum('server list', { LOCUM_ADDRESS: api.address, LOCUM_TOKEN: ' of-env\n' });
    writeFileSync(join(home, 't'), 'of-file\nmore\n');
    await locum(`server list --token-file ${join(home, 't')}`, { LOCUM_ADDRESS: api.address, LOCUM_TOKEN: 'of-env' });
    expect(shown).toEqual(['Bearer of-env', 'Bearer of-file']);
    writeFileSync(join(home, 't'), '\n');
    const empty = await locum(`server list --token-file ${join(home, 't')}`, { LOCUM_ADDRESS: api.address });
    expect(empty.stderr).toBe(`error: ${join(home, 't')} has no token: one line of visible characters is wanted\n`);
    const gone = await locum(`server list --token-file ${join(home, 'none')}`, { LOCUM_ADDRESS: api.address });
    expect(gone.stderr).toContain(`${join(home, 'none')} does not exist (ENOENT)`);
  });

  it('shows the token that a command prints, and says when it prints none', async () => {
    const set = (command: string) =>
      runCaptured(undefined, ['context', 'set', 'lab', '--address', api.address, '--token-command', command], {
        XDG_CONFIG_HOME: home,
      });
    await set('echo of-command; echo more');
    expect(text()).not.toContain('token:');
    await locum('server list');
    expect(shown).toEqual(['Bearer of-command']);
    expect((await locum('context list')).stdout).toContain('token of echo of-command');
    await set('true');
    const failed = await locum('server list');
    expect(failed.stderr).toBe(
      'error: what token_command of context lab prints has no token: one line of visible characters is wanted\n',
    );
    expect(shown).toHaveLength(1);
    await locum('context set lab --token fixed');
    expect(text()).not.toContain('token_command');
  });

  it('asks a command for its token once, however many calls it makes', async () => {
    const asked = join(home, 'asked');
    const value = { kind: 'command', command: `echo once >>${asked}; echo of-command` } as const;
    const target = { token: { value, from: 'context lab' } } as Destination;
    const { token } = await credentialsOf({ address: [api.address], target });
    const ask = token as () => Promise<string>;
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['of-command', 'of-command', 'of-command']);
    expect(await ask()).toBe('of-command');
    expect(readFileSync(asked, 'utf8')).toBe('once\n');
  });

  it('sends no token of a context to anybody else', async () => {
    await locum('context set prod --address 127.0.0.1:1 --token of-prod');
    await locum('server list', { LOCUM_ADDRESS: api.address });
    await locum(`server list --address ${api.address}`);
    expect(shown).toEqual([null, null]);
  });

  it('sends no token in plain text to another host', async () => {
    const { code, stderr } = await locum('server list --address 192.0.2.1:7400', { LOCUM_TOKEN: 'x' });
    expect(stderr).toContain('the token of LOCUM_TOKEN would go to 192.0.2.1:7400 in plain text: nothing was sent');
    expect(code).toBe(1);
  });

  it('finds the token of this host by itself, for loopback and where nothing else says who calls', async () => {
    const secret = `locum_local_${'x'.repeat(43)}`;
    const env = { LOCUM_DATA_DIR: home };
    writeFileSync(join(home, 'admin.token'), `${secret}\n`, { mode: 0o600 });
    await locum(`server list --address ${api.address}`, env);
    expect(shown).toEqual([`Bearer ${secret}`]);
    await locum(`server list --address ${api.address}`, { ...env, LOCUM_TOKEN: 'other' });
    expect(shown[1]).toBe('Bearer other');
    const effective = await locum('context show --effective --address 192.0.2.1:7400', env);
    expect(effective.stdout).toMatch(/token\s+none/);
    const mixed = await locum(`context show --effective --address ${api.address},192.0.2.1:7400`, env);
    expect(mixed.stdout).toMatch(/token\s+none/);
    expect(existsSync(join(home, 'admin.token'))).toBe(true);
  });

  it('shows no token in plain text to another user of this host who took the port of the controller', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can be another user');
    const secret = join(home, 'admin.token');
    writeFileSync(secret, 'locum_local_y\n', { mode: 0o600 });
    const file = join(home, 'own.token');
    writeFileSync(file, 'own\n', { mode: 0o600 });
    const nobody = spawn(process.execPath, ['-e', LISTENER], {
      uid: NOBODY,
      gid: NOBODY,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const { value: port } = await createInterface({ input: nobody.stdout })[Symbol.asyncIterator]().next();
      const list = `server list --address 127.0.0.1:${port}`;
      const taken = `user ${NOBODY} of this host listens on 127.0.0.1:${port}, and the token`;
      for (const [words, env, whose] of [
        [list, { LOCUM_DATA_DIR: home }, `in ${secret} belongs to user 0`],
        [list, { LOCUM_TOKEN: 'x' }, 'of LOCUM_TOKEN is for controllers of root'],
        [`${list} --token-file ${file}`, {}, 'of --token-file is for controllers of root'],
        [`${list} --context here`, {}, 'of context here is for controllers of root'],
      ] as const) {
        if (words.includes('here')) await locum(`context set here --address 127.0.0.1:${port} --token x`);
        const { code, stderr } = await locum(words, env);
        expect(stderr).toContain(`${taken} ${whose}`);
        expect(code).toBe(4);
      }
    } finally {
      nobody.kill();
    }
  });

  it('shows a token to the user whose the data of the controller is, and to anybody where that is said', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can be another user');
    const data = join(home, 'data');
    mkdirSync(data);
    chownSync(data, NOBODY, NOBODY);
    const nobody = spawn(process.execPath, ['-e', LISTENER], {
      uid: NOBODY,
      gid: NOBODY,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const lines = createInterface({ input: nobody.stdout })[Symbol.asyncIterator]();
      const { value: port } = await lines.next();
      const list = `server list --timeout 200ms --address 127.0.0.1:${port}`;
      for (const [words, env] of [
        [list, { LOCUM_TOKEN: 'x', LOCUM_DATA_DIR: data }],
        [`${list} --insecure-token`, { LOCUM_TOKEN: 'x' }],
      ] as const) {
        const { code } = await locum(words, env);
        expect((await lines.next()).value).toBe('asked');
        // It is no controller, and says nothing.
        expect(code).not.toBe(4);
      }
    } finally {
      nobody.kill();
    }
  });

  it('sends a token in plain text to another host only where that is said', async () => {
    const { stderr } = await locum('server list --timeout 100ms --insecure-token --address 192.0.2.1:7400', {
      LOCUM_TOKEN: 'x',
    });
    expect(stderr).toContain("can't reach a controller");
  });

  it('shows no token where nobody listens', async () => {
    writeFileSync(join(home, 'admin.token'), 'locum_local_y\n', { mode: 0o600 });
    await api.close();
    const { stderr } = await locum(`server list --address ${api.address}`, { LOCUM_DATA_DIR: home });
    expect(stderr).toContain("can't reach a controller");
  });

  it('looks for the token of this host where a controller of this user has its data', async () => {
    mkdirSync(join(home, 'locum'));
    writeFileSync(join(home, 'locum', 'admin.token'), 'locum_local_y\n', { mode: 0o600 });
    const show = () => locum('context show --effective', { LOCUM_DATA_DIR: '', XDG_STATE_HOME: home });
    const { stdout } = await show();
    expect(stdout).toMatch(/token\s+in \S+\/locum\/admin.token\s+this host/);
    expect(stdout).not.toContain('admin.ca.crt');
    // Of a controller that speaks TLS.
    writeFileSync(join(home, 'locum', 'admin.ca.crt'), '');
    expect((await show()).stdout).toMatch(/\S+\/locum\/admin.ca.crt\s+this host/);
  });

  it('that is not known is told what would help', async () => {
    refuses = true;
    const nobody = await locum('server list', { LOCUM_ADDRESS: api.address });
    expect(nobody.code).toBe(4);
    expect(nobody.stderr).toContain('locum context set NAME --token -');
    const other = await locum('server list', { LOCUM_ADDRESS: api.address, LOCUM_TOKEN: 'x' });
    expect(other.stderr).toContain('The token came from LOCUM_TOKEN');
    await locum('context set prod --address c1:7400 --token x');
    const leftOut = await locum('server list', { LOCUM_ADDRESS: api.address });
    expect(leftOut.stderr).toContain('Context prod does not count');
    writeFileSync(join(home, 'admin.token'), 'locum_local_y\n', { mode: 0o600 });
    const local = await locum('server list', { LOCUM_ADDRESS: api.address, LOCUM_DATA_DIR: home });
    expect(local.stderr).toContain('LOCUM_DATA_DIR');
  });

  it('that reaches nobody says which context the address is of', async () => {
    await locum('context set lab --address 127.0.0.1:1');
    expect((await locum('server list')).stderr).toContain('The address is that of context lab');
  });
});
