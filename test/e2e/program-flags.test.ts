/** The programs themselves with all their flags: a controller with certificates, a keeper and an agent that joined, `locum dev`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { LoginDesk } from '../cli/login-desk.ts';
import { LocalIssuer } from '../controller/access/oidc/local-issuer.ts';
import { eventually } from './cluster-fixture.ts';
import type { Line } from './flag-lines.ts';
import { LinePlayer, nameIn } from './line-player.ts';
import { LOCUM } from './locum-command.ts';
import {
  ADMINISTRATION,
  AGENT_LINE,
  CALLERS,
  CONTEXTS,
  CONTROLLER_LINE,
  DEV,
  HOST,
  KEEPER,
  KILL,
  LEAVE,
  LOGIN,
  ON_THE_HOST,
  OPEN_CONTROLLER,
  ROTATION,
} from './program-flags.ts';

const TEST_TIMEOUT_MS = 120_000;

describe('with every flag', () => {
  const folder = mkdtempSync(join(tmpdir(), 'locum-programs-'));
  const file = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o700 });
  /** Ports and secrets by their placeholders. */
  const known = new Map<string, string>();
  let config = 'hooked.yaml';
  const running: ChildProcess[] = [];

  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  const caller = ['--ca-file', join(folder, 'ctl/pki/ca.crt'), '--token-file', join(folder, 'ctl/admin.token')];
  const options = {
    address: () => `127.0.0.1:${known.get('api')}`,
    env: { XDG_CONFIG_HOME: join(folder, 'xdg') },
    valueOf: async (placeholder: string, ask: (words: readonly string[]) => Promise<string>): Promise<string> => {
      switch (placeholder) {
        case 'folder':
          return folder;
        case 'config':
          return config;
        case 'secret':
          return read('ctl/admin.token');
        case 'join token':
          return nameIn(await ask(['token', 'list']), 'joinTokens');
        default:
          return known.get(placeholder) ?? `{${placeholder}}`;
      }
    },
  };
  const player = new LinePlayer({ ...options, always: [] });
  const administrator = new LinePlayer({ ...options, always: caller });

  /** Resolves once it is up. */
  async function start({ line, says }: Line): Promise<ChildProcess> {
    const child = spawn(process.execPath, [LOCUM, ...(await player.words(line))], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
    await eventually(`${line} is up`, async () => {
      if (child.exitCode !== null) throw new Error(`${line} ended: ${said}`);
      return says.test(said) ? true : undefined;
    }).catch((error: unknown) => {
      throw new Error(`${line} said: ${said}`, { cause: error });
    });
    return child;
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  beforeAll(async () => {
    for (const name of ['api', 'agents', 'dev api', 'dev agents']) known.set(name, String(await freePort()));
    file('hooked.yaml', 'hooks: [{ name: told, command: { argv: [/bin/true] } }]\n');
    file('plain.yaml', 'audit: {}\n');
    file('agent.yaml', 'server: web-9\n');
    file('vm', 'generation 1\n');
    for (const name of ['ctl', 'web-9', 'adopted', 'xdg']) mkdirSync(join(folder, name), { mode: 0o700 });
    await end(await start(CONTROLLER_LINE));
    config = 'plain.yaml';
    await start(CONTROLLER_LINE);
    file('token.sh', `#!/bin/sh\ncat ${join(folder, 'ctl/admin.token')}\n`);
  }, TEST_TIMEOUT_MS);
  afterAll(async () => {
    for (const child of running.toReversed()) await end(child);
    rmSync(folder, { recursive: true, force: true });
  }, TEST_TIMEOUT_MS);

  it('what an administrator types', { timeout: TEST_TIMEOUT_MS }, async () => {
    expect(await administrator.wrongOf(ADMINISTRATION)).toEqual([]);
    expect(await player.wrongOf(CONTEXTS)).toEqual([]);
    const issuer = await LocalIssuer.start();
    new LoginDesk(issuer);
    known.set('issuer', issuer.url);
    expect(await player.wrongOf(LOGIN)).toEqual([]);
    await issuer.close();
    expect(await player.wrongOf(CALLERS)).toEqual([]);
  });

  it('a host that joins, its keeper and its agent', { timeout: TEST_TIMEOUT_MS }, async () => {
    const made = await administrator.said('token create --for server/web-9');
    const [, secret = '', hash = ''] = /--token (\S+) --ca-hash (\S+)/.exec(made) ?? [];
    known.set('join secret', secret).set('ca hash', hash);
    expect(await player.wrongOf(HOST)).toEqual([]);
    await start(KEEPER);
    await start(AGENT_LINE);
    expect(await player.wrongOf(ON_THE_HOST)).toEqual([]);
    expect(await administrator.wrongOf(ROTATION)).toEqual([]);
    expect(await player.wrongOf(LEAVE)).toEqual([]);
  });

  it('a controller that asks nobody, and `dev`', { timeout: TEST_TIMEOUT_MS }, async () => {
    await end(await start(OPEN_CONTROLLER));
    await start(DEV);
    expect(await player.wrongOf(KILL)).toEqual([]);
  });
});
