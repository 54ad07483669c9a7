/** Keys and tokens of a cluster that was used for all that needs them are in their own files, and nowhere else. */
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { newWrappingKey } from '../../shared/pki/wrapping-key.ts';
import { runCaptured } from './captured-command.ts';
import { type Ended, runLocum } from './locum-command.ts';
import { type Started, startProgram, stopProgram } from './started-program.ts';

const TEST_TIMEOUT_MS = 180_000;
const TAKEN_OVER_WITHIN_MS = 60_000;

let folder = '';
let api = '';
let programs: Started[] = [];
const at = (name: string): string => join(folder, name);

/** As whoever can read the data directory of the controller. */
const asAdmin = (...words: string[]): Promise<Ended> => runCaptured(api, words, { LOCUM_DATA_DIR: at('controller') });

async function good(ending: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ending;
  expect(code, stderr).toBe(0);
  return stdout;
}

async function start(words: readonly string[], wanted: string): Promise<Started> {
  // The worst that a host can have: what a program makes is for everybody unless it says otherwise.
  const program = await startProgram(words, { wanted, umask: '000' });
  programs.push(program);
  return program;
}

/** The words behind `locum` of the line that `token create` prints. */
const lineFor = async (server: string): Promise<string[]> =>
  (await good(asAdmin('token', 'create', '--for', `server/${server}`))).trim().split(' ').slice(1);

const tokenIn = (line: readonly string[]): string => line[line.indexOf('--token') + 1] ?? '';

/** In all the forms in which somebody might come across it. */
function formsOf(bytes: Buffer): readonly Buffer[] {
  const texts = (['hex', 'base64', 'base64url'] as const).map((encoding) =>
    bytes.toString(encoding).replace(/=+$/, ''),
  );
  return [bytes, ...texts.map((text) => Buffer.from(text))];
}

/** Of a key as PEM: the line of its text, and the number in it that is the secret. */
function formsOfKey(pem: string): readonly Buffer[] {
  const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' });
  expect(d).toHaveLength(43);
  const [, line = ''] = pem.split('\n');
  return [Buffer.from(line), ...formsOf(Buffer.from(d, 'base64url'))];
}

/** What proves a token is its last part; the id before it is its name. */
function formsOfToken(token: string): readonly Buffer[] {
  const secret = token
    .split(/[._]/)
    .slice(token.startsWith('locum_') ? 2 : 1)
    .join('_');
  expect(secret.length).toBeGreaterThan(30);
  return [Buffer.from(secret), ...formsOf(Buffer.from(token)).slice(1)];
}

const filesBelow = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

const keysBelow = (path: string): readonly string[] => filesBelow(path).filter((file) => file.endsWith('.key'));

/** What others of this host may do something with; sockets have their folder's bits. */
const openBelow = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((one) => (lstatSync(one).mode & 0o077) !== 0);

afterEach(async () => {
  await runLocum(api, ['agent', 'leave', '--state-dir', at('web-1')]);
  for (const program of programs.toReversed()) await stopProgram(program);
  programs = [];
  rmSync(folder, { recursive: true, force: true });
}, TEST_TIMEOUT_MS);

describe('keys and tokens are in no event, log, snapshot, audit or bundle, nor in the store', () => {
  it.each([
    ['in files', false],
    ['in the store, wrapped', true],
  ])('with the key of the authority %s', { timeout: TEST_TIMEOUT_MS }, async (_, isWrapped) => {
    folder = mkdtempSync(join(tmpdir(), 'locum-kept-keys-'));
    mkdirSync(at('controller'));
    chmodSync(at('controller'), 0o755);
    const wrappingKey = newWrappingKey();
    writeFileSync(at('wrapping'), wrappingKey, { mode: 0o600 });
    const tls = isWrapped ? { tls: { wrapping_key_file: at('wrapping') } } : {};
    writeFileSync(at('controller.yaml'), JSON.stringify({ audit: { file: at('audit.jsonl') }, ...tls }));
    const listeners = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0', '--log-level', 'debug'];
    const settings = ['--tls', '--data-dir', at('controller'), '--config', at('controller.yaml'), ...listeners];
    const controller = await start(['controller', ...settings], 'controller is ready');
    api = controller.line.apiAddress ?? '';

    const bot = (await good(asAdmin('auth', 'token', 'create', 'bot', '--role', 'viewer'))).trim();
    const gone = (await good(asAdmin('auth', 'token', 'create', 'gone', '--role', 'viewer'))).trim();
    await good(asAdmin('auth', 'token', 'revoke', gone.split('_')[1] ?? ''));
    const roots = ['--ca-file', at('controller/admin.ca.crt')];
    const as = (token: string, ...words: string[]) =>
      runLocum(api, [...words, ...roots], { env: { LOCUM_TOKEN: token } });
    await good(as(bot, 'server', 'list'));
    expect((await as(bot, 'server', 'cordon', 'web-1')).stderr).toContain('(PERMISSION_DENIED)');
    // As somebody mistypes one; what he shows is nearly good.
    for (const token of [gone, `${bot.slice(0, -1)}x`]) {
      expect((await as(token, 'server', 'list')).stderr).toContain('(TOKEN_INVALID)');
    }

    const [line, spare, taken] = [await lineFor('web-1'), await lineFor('web-2'), await lineFor('web-3')];
    await good(runLocum(api, [...line, '--state-dir', at('web-1')]));
    for (const [words, server] of [
      [line, 'thief'],
      [taken.with(taken.indexOf('web-3'), 'web-9'), 'other'],
    ] as const)
      expect((await runLocum(api, [...words, '--state-dir', at(server)])).code).not.toBe(0);
    await good(asAdmin('token', 'revoke', tokenIn(spare).split('.')[0] ?? ''));
    const agent = await start(['agent', '--state-dir', at('web-1'), '--log-level', 'debug'], 'session opened');
    const policy = 'name: steady\nworkload: { command: { argv: [sh, -c, "env; exec sleep 1000"] } }\n';
    await good(
      runLocum(api, ['policy', 'apply', '-f', '-'], { input: policy, env: { LOCUM_DATA_DIR: at('controller') } }),
    );
    await good(asAdmin('policy', 'wait', 'steady', '--for', 'running'));

    // A second root, and more keys of the agent, which comes for a new one at each step.
    const pems = new Set<string>();
    const noteKeys = (): void => {
      for (const file of keysBelow(folder)) pems.add(readFileSync(file, 'utf8'));
    };
    for (const step of ['begin', 'switch', 'finish']) {
      noteKeys();
      await expect
        .poll(async () => (await asAdmin('pki', 'rotate', step, '--yes')).code, { timeout: TAKEN_OVER_WITHIN_MS })
        .toBe(0);
    }
    const admin = at('controller/admin.token');
    const secrets: Record<string, readonly Buffer[]> = {
      'the token of the administrator': formsOfToken(readFileSync(admin, 'utf8').trim()),
      'the token of a bot': formsOfToken(bot),
      'a token that was revoked': formsOfToken(gone),
      'a join token that was used': formsOfToken(tokenIn(line)),
      'a join token that was revoked': formsOfToken(tokenIn(spare)),
      'a join token for another one': formsOfToken(tokenIn(taken)),
      'the wrapping key': formsOf(Buffer.from(wrappingKey.trim().split('\n').at(-1) ?? '', 'base64')),
    };

    await good(asAdmin('snapshot', 'save', at('copy.snap')));
    await good(asAdmin('debug', 'bundle', at('bundle.tgz')));
    mkdirSync(at('bundle'));
    expect(spawnSync('tar', ['-xzf', at('bundle.tgz'), '-C', at('bundle')]).status).toBe(0);
    const told: Record<string, string> = {
      'log of the controller': controller.text.join('\n'),
      'log of the agent': agent.text.join('\n'),
    };
    for (const words of [
      'events -o json',
      'audit export',
      'auth token list -o json',
      'auth user list -o json',
      'token list -o json',
      'pki status -o json',
      'pki trust -o json',
      'server list -o json',
      'server show web-1 -o json',
      'snapshot inspect FILE -o json',
      'run logs steady',
      'status -o json',
    ])
      told[words] = await good(asAdmin(...words.replace('FILE', at('copy.snap')).split(' ')));
    told['the configuration'] = await good(
      runLocum(api, ['config', 'print', 'controller', '--config', at('controller.yaml')]),
    );
    noteKeys();
    for (const [i, pem] of [...pems].entries()) secrets[`key ${i}`] = formsOfKey(pem);
    expect(pems.size).toBeGreaterThanOrEqual(isWrapped ? 2 : 4);
    const keys = keysBelow(folder);
    const own = new Set([...keys, admin, at('wrapping')]);
    for (const file of filesBelow(folder)) if (!own.has(file)) told[file] = readFileSync(file, 'latin1');
    expect(told['run logs steady']).toContain('LOCUM_EPOCH');
    expect(told['events -o json']).toContain('JOIN_TOKEN_USED');
    for (const outcome of ['TOKEN_INVALID', 'PERMISSION_DENIED', 'JOIN_TOKEN_USED', 'JOIN_TOKEN_MISMATCH'])
      expect(told['audit export']).toContain(`"outcome":"${outcome}"`);
    expect(told[at('audit.jsonl')]).toContain('CreateJoinToken');
    const files = Object.keys(told).filter((name) => name.startsWith(folder));
    for (const wanted of ['store.sqlite', 'store.sqlite-wal', 'copy.snap', 'keeper.journal', 'diagnostics.json'])
      expect(
        files.some((file) => file.endsWith(`/${wanted}`)),
        wanted,
      ).toBe(true);

    const found = Object.entries(told).flatMap(([place, text]) => {
      const bytes = Buffer.from(text, 'latin1');
      return Object.entries(secrets).flatMap(([secret, forms]) =>
        forms.some((form) => bytes.includes(form)) ? [`${secret} is in ${place}`] : [],
      );
    });
    expect(found).toEqual([]);
    // They would have been found: each is in its own file.
    const isKnown = (file: string): boolean => {
      const bytes = readFileSync(file);
      return Object.values(secrets).some((forms) => forms.some((form) => bytes.includes(form)));
    };
    expect([...own].filter((file) => !isKnown(file))).toEqual([]);
    expect([...openBelow(at('controller')), ...openBelow(at('web-1'))]).toEqual([]);
    expect(
      [at('audit.jsonl'), at('copy.snap'), at('bundle.tgz')].filter((file) => (lstatSync(file).mode & 0o077) !== 0),
    ).toEqual([]);
  });
});
