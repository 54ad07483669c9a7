/** A controller with TLS whose host is lost comes back from a snapshot and its authority on another one, as docs/operations.md says. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { runCaptured } from './captured-command.ts';
import { eventually } from './cluster-fixture.ts';
import { type Ended, runLocum } from './locum-command.ts';
import { isAlive } from './process-liveness.ts';
import { type Started, startProgram, stopProgram } from './started-program.ts';

const TEST_TIMEOUT_MS = 120_000;
/** Heartbeats each second, so that an agent notices soon that its controller is another one. */
const QUICK =
  'heartbeat_interval: 1s, suspect_after: 4s, lease: 20s, stop_timeout: 2s, kill_guard: 1s, missing_after: 30s';

let folder = '';
let api = '';
let listeners: readonly string[] = [];
const programs: Started[] = [];
const at = (...parts: readonly string[]): string => join(folder, ...parts);

async function start(words: readonly string[], wanted: string): Promise<Started> {
  const program = await startProgram(words, { wanted });
  programs.push(program);
  return program;
}

const startController = (data: string): Promise<Started> =>
  start(
    ['controller', '--tls', '--config', at('controller.yaml'), '--data-dir', at(data), ...listeners],
    'controller is ready',
  );

/** As whoever can read that data directory. */
const asAdmin = (data: string, ...words: string[]): Promise<Ended> =>
  runCaptured(api, words, { LOCUM_DATA_DIR: at(data) });

const as = (token: string, ...words: string[]): Promise<Ended> =>
  runCaptured(api, [...words, '--ca-file', at('ca.crt')], { LOCUM_TOKEN: token });

async function good(ending: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ending;
  expect(code, stderr).toBe(0);
  return stdout;
}

const lineFor = async (server: string): Promise<string[]> =>
  (await good(asAdmin('first', 'token', 'create', '--for', `server/${server}`))).trim().split(' ').slice(1);

const joinedBy = (line: readonly string[], server: string): Promise<Ended> =>
  runLocum(api, [...line, '--state-dir', at(server)]);

interface Attempt {
  readonly epoch: string;
  readonly pid: number;
  readonly server: string;
}

async function attemptOf(data: string): Promise<Attempt | undefined> {
  const { code, stdout } = await asAdmin(data, 'run', 'list', '-o', 'json');
  if (code !== 0) return undefined;
  const { runs } = JSON.parse(stdout) as { readonly runs: readonly { readonly attempts: readonly Attempt[] }[] };
  const last = runs[0]?.attempts.at(-1);
  return last?.pid === undefined || last.pid === 0 ? undefined : last;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locum-restored-tls-'));
  api = `127.0.0.1:${await freePort()}`;
  listeners = ['--api-listen', api, '--agent-listen', `127.0.0.1:${await freePort()}`];
  writeFileSync(at('controller.yaml'), `initial_timers: { ${QUICK} }\n`);
});
afterAll(async () => {
  await runLocum(api, ['agent', 'leave', '--state-dir', at('web-1')]);
  for (const program of programs.toReversed()) await stopProgram(program);
  // Whoever was refused can't leave.
  const keeper = at('web-2', 'keeper.pid');
  if (existsSync(keeper)) process.kill(Number.parseInt(readFileSync(keeper, 'utf8'), 10), 'SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}, TEST_TIMEOUT_MS);

describe('a controller with TLS that is restored on another host', () => {
  it('knows hosts, people and who was shut out, and what ran runs on', { timeout: TEST_TIMEOUT_MS }, async () => {
    const first = await startController('first');
    cpSync(at('first', 'admin.ca.crt'), at('ca.crt'));
    const [bot, gone] = [
      (await good(asAdmin('first', 'auth', 'token', 'create', 'bot', '--role', 'viewer'))).trim(),
      (await good(asAdmin('first', 'auth', 'token', 'create', 'gone', '--role', 'viewer'))).trim(),
    ];
    await good(asAdmin('first', 'auth', 'token', 'revoke', gone.split('_')[1] ?? ''));
    const [used, stolen, open] = [await lineFor('web-1'), await lineFor('web-2'), await lineFor('web-3')];
    await good(joinedBy(used, 'web-1'));
    await good(joinedBy(stolen, 'web-2'));
    await good(asAdmin('first', 'server', 'revoke', 'web-2', '--reason', 'stolen', '--yes'));
    await start(['agent', '--state-dir', at('web-1')], 'session opened');
    const policy = 'name: steady\nworkload: { command: { argv: [sleep, "1000"] } }\n';
    writeFileSync(at('steady.yaml'), policy);
    await good(asAdmin('first', 'policy', 'apply', '-f', at('steady.yaml')));
    await good(asAdmin('first', 'policy', 'wait', 'steady', '--for', 'running'));
    const before = await eventually('its process is known', () => attemptOf('first'));
    await good(asAdmin('first', 'snapshot', 'save', at('copy.snap')));
    first.child.kill('SIGKILL');
    await new Promise((resolve) => first.child.once('exit', resolve));

    mkdirSync(at('second'));
    await good(
      runLocum(api, ['snapshot', 'restore', at('copy.snap'), '--store', `sqlite:${at('second', 'store.sqlite')}`]),
    );
    await expect(startController('second')).rejects.toThrow('AUTHORITY_MISSING');
    cpSync(at('first', 'pki'), at('second', 'pki'), { recursive: true });
    await startController('second');
    expect(readFileSync(at('second', 'admin.ca.crt'))).toEqual(readFileSync(at('ca.crt')));

    await good(as(bot, 'server', 'list'));
    expect((await as(gone, 'server', 'list')).stderr).toContain('(TOKEN_INVALID)');
    const own = readFileSync(at('first', 'admin.token'), 'utf8').trim();
    expect((await as(own, 'server', 'list')).stderr).toContain('(TOKEN_INVALID)');
    await eventually('web-1 is back', async () => {
      const { stdout } = await asAdmin('second', 'server', 'list');
      return /web-1 .*ALIVE/.test(stdout) ? true : undefined;
    });
    await eventually('its run is known', async () => {
      const now = await attemptOf('second');
      return now?.pid === before.pid && now.epoch === before.epoch ? true : undefined;
    });
    expect(isAlive(before.pid)).toBe(true);

    expect((await joinedBy(used, 'thief')).stderr).toContain('(JOIN_TOKEN_USED)');
    await good(joinedBy(open, 'web-3'));
    expect(await good(asAdmin('second', 'server', 'revoked'))).toContain('stolen');
    await start(['agent', '--state-dir', at('web-2')], 'connected to the keeper');
    await eventually('web-2 is refused', async () => {
      const events = await good(asAdmin('second', 'events', '--type', 'ENTRY_REFUSED'));
      return events.includes('web-2') && events.includes('CERTIFICATE_REVOKED') ? true : undefined;
    });
    await eventually('the audit has that, too', async () => {
      const entries = await good(asAdmin('second', 'audit', 'list', '--outcome', 'CERTIFICATE_REVOKED', '-o', 'json'));
      return entries.includes('locum.v1.AgentService/Connect') && entries.includes('agent:web-2') ? true : undefined;
    });
  });
});
