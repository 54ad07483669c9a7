/** Certificates that last for seconds, of a controller and a dozen agents as real processes: all are renewed, again and again, and nothing is lost. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as dial } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { joinCluster } from '../../agent/enrolment/join.ts';
import { askAgentToLeave } from '../../agent/local-client.ts';
import { freePort } from '../../cli/dev/ports.ts';
import { connect } from '../../sdk/typescript/client.ts';
import type { Services } from '../../sdk/typescript/services.ts';
import { present } from '../../shared/assert.ts';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { readCertificate } from '../../shared/pki/read-certificate.ts';
import { LOCUM, runLocum } from './locum-command.ts';
import { isAlive } from './process-liveness.ts';

const TIMEOUT_MS = 240_000;
const POLL_MS = 200;
/** A program that is told to end has so long, at the end of all of it. */
const STOP_MS = 60_000;
const HOSTS = Array.from({ length: 12 }, (_, index) => `web-${index + 1}`);
/** Long enough that a busy machine does not let them end, short enough to see several. */
const LIVES = 'tls: { server_certificate_life: 40s, controller_certificate_life: 20s }\n';

/** What the event log would say if a renewal had cost anything. */
const LOSSES = ['SERVER_MISSING', 'RUN_FENCING', 'RUN_STUCK', 'RUN_BACKOFF', 'ENTRY_REFUSED'];

let folder = '';
let api = '';
let agentListen = '';
let locum: Services & { readonly close: () => void };
const at = (...names: string[]): string => join(folder, ...names);

interface Program {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly said: string[];
}

const programs = new Map<string, Program>();

/** Starts one, and resolves as soon as its log has this line. */
async function start(name: string, words: readonly string[], wanted: string): Promise<void> {
  const child = spawn(process.execPath, [LOCUM, ...words, '--log-format', 'json'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = programs.get(name)?.said ?? [];
  programs.set(name, { child, said });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  createInterface({ input: present(child.stderr, 'it is a pipe') }).on('line', (text) => {
    const { msg } = JSON.parse(text) as { readonly msg: string };
    said.push(msg);
    if (msg === wanted) resolve();
  });
  child.once('exit', (code) => reject(new Error(`${name} ended with ${code}: ${said.join('; ')}`)));
  await promise;
}

async function stop(name: string): Promise<void> {
  const { child } = present(programs.get(name), 'it was started');
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  const [, signal] = await ended;
  clearTimeout(late);
  if (signal === 'SIGKILL')
    console.log(
      `${name} did not end within ${STOP_MS} ms; it said last: ${present(programs.get(name), 'it was started').said.slice(-5).join('; ')}`,
    );
}

const startController = (): Promise<void> => {
  const listen = ['--api-listen', api, '--agent-listen', agentListen];
  const words = ['controller', '--config', at('controller.yaml'), '--data-dir', at('controller'), ...listen];
  return start('controller', words, 'controller is ready');
};

/** As somebody on the controller's host: the token is there, and the roots by which controllers are known. */
function client(): typeof locum {
  const ca = readFileSync(at('controller/pki/ca.crt'), 'utf8');
  const token = readFileSync(at('controller/admin.token'), 'utf8').trim();
  return connect({ addresses: [api], tls: { ca }, token });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locum-renewal-'));
  api = `127.0.0.1:${await freePort()}`;
  agentListen = `127.0.0.1:${await freePort()}`;
  writeFileSync(at('controller.yaml'), LIVES);
  await startController();
  locum = client();
  // One after the other: each has to start before its certificate is over.
  for (const server of HOSTS) await joined(server);
}, TIMEOUT_MS);

async function joined(server: string): Promise<void> {
  const { token, caHashes, endpoints } = await locum.enrolment.createJoinToken({ server: `servers/${server}` });
  await joinCluster({ endpoints, token, caHashes, server, stateDir: at(server), tlsDir: at(server, 'tls') });
  await start(server, ['agent', '--state-dir', at(server)], 'session opened');
}

afterAll(async () => {
  locum.close();
  // Keepers end with their agents.
  await Promise.allSettled(HOSTS.map((server) => askAgentToLeave(at(server), { withinMs: 5_000 })));
  for (const name of programs.keys()) await stop(name);
  rmSync(folder, { recursive: true, force: true });
}, TIMEOUT_MS);

async function running() {
  const [run] = (await locum.runs.listRuns({ policy: 'policies/steady' })).runs;
  const attempt = run?.attempts.at(-1);
  if (run?.state !== RunState.RUNNING || attempt === undefined || attempt.pid === 0) return undefined;
  return { run: run.name, attempts: run.attempts.length, epoch: attempt.epoch, pid: attempt.pid, server: run.server };
}

/** When the certificate of a host ends, as its folder has it. */
const endOf = (server: string): number =>
  readCertificate(readFileSync(at(server, 'tls', 'tls.crt'), 'utf8')).notAfterMs;

/** Until each has another certificate than these. */
async function untilRenewed(before: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, number>> {
  for (;;) {
    const now = new Map(HOSTS.map((server) => [server, endOf(server)]));
    if (HOSTS.every((server) => now.get(server) !== before.get(server))) return now;
    await sleep(POLL_MS);
  }
}

/** The certificate that a listener shows now, to a client that takes it only with a chain to the roots. */
async function shown(): Promise<string> {
  const [host = '', port = ''] = api.split(':');
  const ca = readFileSync(at('controller/pki/ca.crt'), 'utf8');
  const socket = dial({ host, port: Number(port), ca, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'] });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}

it('the controller’s own is renewed, while streams stand and every new client takes it', {
  timeout: TIMEOUT_MS,
}, async () => {
  const ending = new AbortController();
  const events = locum.events.watchEvents({}, { signal: ending.signal })[Symbol.asyncIterator]();
  const next = events.next();
  let cut = false;
  void next.then(
    () => {},
    () => {
      cut = true;
    },
  );
  const seen = new Set<string>();
  while (seen.size < 3) {
    seen.add(await shown());
    await sleep(POLL_MS);
  }
  expect(cut).toBe(false);
  const fresh = client();
  await fresh.cluster.getStatus({});
  fresh.close();
  ending.abort();
  await next.catch(() => undefined);
});

it('those of a dozen agents are renewed twice, over a restart of the controller, and a policy runs on as it was', {
  timeout: TIMEOUT_MS,
}, async () => {
  const policy = 'name: steady\nworkload: { command: { argv: [sleep, "100000"] } }\n';
  const admin = { env: { LOCUM_DATA_DIR: at('controller') } };
  const applied = await runLocum(api, ['policy', 'apply', '-f', '-'], { ...admin, input: policy });
  expect(applied).toMatchObject({ code: 0 });
  await expect.poll(running, { timeout: 30_000 }).toBeDefined();
  const before = await running();
  const sessions = () =>
    HOSTS.flatMap((server) => programs.get(server)?.said ?? []).filter((msg) => msg === 'session opened').length;
  const opened = sessions();

  const first = await untilRenewed(new Map(HOSTS.map((server) => [server, endOf(server)])));
  // Nobody dialled for it; on a busy machine a heartbeat may be late, and one or the other dials for that.
  expect(sessions() - opened).toBeLessThan(HOSTS.length / 2);
  await stop('controller');
  await startController();
  await untilRenewed(first);

  await expect.poll(running, { timeout: 30_000 }).toEqual(before);
  expect(isAlive(present(before, 'it ran').pid)).toBe(true);
  const said = HOSTS.flatMap((server) => programs.get(server)?.said ?? []);
  expect(said.filter((msg) => msg === 'the certificate was renewed').length).toBeGreaterThanOrEqual(2 * HOSTS.length);
  const types = (await locum.events.listEvents({ pageSize: 1_000 })).events.map(({ type }) => type);
  expect(types.filter((type) => LOSSES.includes(type))).toEqual([]);
  const { deviations } = await locum.cluster.getStatus({});
  expect(deviations.filter(({ reason }) => reason === 'CERTIFICATE_ENDS')).toEqual([]);
});
