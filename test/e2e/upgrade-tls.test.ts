/** The version before and this one with TLS: what hosts and people were given by one counts for the other, in both directions. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { runCaptured } from './captured-command.ts';
import { eventually } from './cluster-fixture.ts';
import { type Ended, LOCUM, runLocum } from './locum-command.ts';
import { previousVersion } from './previous-version.ts';
import { isAlive } from './process-liveness.ts';
import { type Started, startProgram, stopProgram } from './started-program.ts';

const TEST_TIMEOUT_MS = 150_000;
const TIMERS =
  'heartbeat_interval: 1s, suspect_after: 4s, lease: 20s, stop_timeout: 2s, kill_guard: 1s, missing_after: 30s';
/** Renewed at two thirds; the rest is what a restart may take on a busy machine. */
const LIFE = '40s';

const previous = previousVersion();
const PROGRAMS = { old: typeof previous === 'string' ? LOCUM : previous.program, new: LOCUM };
type Version = keyof typeof PROGRAMS;

let folder = '';
let api = '';
let listeners: readonly string[] = [];
let controller: Started | undefined;
let agent: Started | undefined;
const at = (...parts: readonly string[]): string => join(folder, ...parts);

const asAdmin = (...words: string[]): Promise<Ended> => runCaptured(api, words, { LOCUM_DATA_DIR: at('controller') });

async function good(ending: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ending;
  expect(code, stderr).toBe(0);
  return stdout;
}

async function controllerOf(version: Version): Promise<void> {
  if (controller !== undefined) await stopProgram(controller);
  const own = ['--tls', '--config', at('controller.yaml'), '--data-dir', at('controller')];
  controller = await startProgram(['controller', ...own, ...listeners], {
    wanted: 'controller is ready',
    program: PROGRAMS[version],
  });
}

async function agentOf(version: Version): Promise<void> {
  if (agent !== undefined) await stopProgram(agent);
  agent = await startProgram(['agent', '--state-dir', at('web-1')], {
    wanted: 'session opened',
    program: PROGRAMS[version],
  });
}

/** Its agent is connected, and renews its certificate with the versions that run now. */
async function renewed(): Promise<void> {
  const certificate = () => readFileSync(at('web-1', 'tls', 'tls.crt'), 'utf8');
  const before = certificate();
  await eventually('web-1 has a new certificate', async () => (certificate() === before ? undefined : true));
  await eventually('web-1 is connected', async () =>
    /web-1 .*ALIVE/.test((await asAdmin('server', 'list')).stdout) ? true : undefined,
  );
}

async function pidOfSteady(): Promise<number> {
  return eventually('steady runs', async () => {
    const { code, stdout } = await asAdmin('run', 'list', '-o', 'json');
    if (code !== 0) return undefined;
    const { runs } = JSON.parse(stdout) as { runs: { attempts: { pid: number }[] }[] };
    const pid = runs[0]?.attempts.at(-1)?.pid ?? 0;
    return pid === 0 ? undefined : pid;
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locum-upgrade-tls-'));
  api = `127.0.0.1:${await freePort()}`;
  listeners = ['--api-listen', api, '--agent-listen', `127.0.0.1:${await freePort()}`];
  writeFileSync(at('controller.yaml'), `initial_timers: { ${TIMERS} }\ntls: { server_certificate_life: ${LIFE} }\n`);
});
afterAll(async () => {
  await runLocum(api, ['agent', 'leave', '--state-dir', at('web-1')]);
  for (const program of [agent, controller]) if (program !== undefined) await stopProgram(program);
  rmSync(folder, { recursive: true, force: true });
  if (typeof previous !== 'string') previous.remove();
}, TEST_TIMEOUT_MS);

describe('an upgrade of a cluster with TLS, and back', () => {
  it('keeps tokens, certificates and what runs, and agents of one version renew with controllers of the other', {
    timeout: TEST_TIMEOUT_MS,
  }, async (ctx) => {
    if (typeof previous === 'string') ctx.skip(previous);
    await controllerOf('old');
    const bot = (await good(asAdmin('auth', 'token', 'create', 'bot', '--role', 'viewer'))).trim();
    const listed = () =>
      runCaptured(api, ['server', 'list', '--ca-file', at('controller', 'admin.ca.crt')], { LOCUM_TOKEN: bot });
    const line = (await good(asAdmin('token', 'create', '--for', 'server/web-1'))).trim().split(' ').slice(1);
    await good(runLocum(api, [...line, '--state-dir', at('web-1')]));
    await agentOf('old');
    writeFileSync(at('steady.yaml'), 'name: steady\nworkload: { command: { argv: [sleep, "1000"] } }\n');
    await good(asAdmin('policy', 'apply', '-f', at('steady.yaml')));
    const pid = await pidOfSteady();

    await controllerOf('new');
    await good(listed());
    await renewed();
    await agentOf('new');
    await controllerOf('old');
    await good(listed());
    await renewed();
    expect(await pidOfSteady()).toBe(pid);
    expect(isAlive(pid)).toBe(true);
  });
});
