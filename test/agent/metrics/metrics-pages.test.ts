/** The pages of a real agent: what they show, to whom, and that its work never waits for them. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadAgentSettings } from '../../../agent/config.ts';
import { openMetricsPages } from '../../../agent/metrics/metrics-pages.ts';
import { METRICS_TOKEN_FILE } from '../../../agent/metrics/metrics-token.ts';
import { findProgram } from '../../rpc/foreign-client.ts';
import { type AgentProcess, until } from '../agent-host.ts';
import { agentHost, LONG, startSleeper } from '../agent-rig.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** `host`: the header, as a page of another name would send it. */
async function get(address: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  request(`http://${address}${path}`, { headers, agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
  })
    .on('error', reject)
    .end();
  return promise;
}

async function addressOf(agent: AgentProcess): Promise<string> {
  const find = () => /"address":"(127\.0\.0\.1:\d+)"/.exec(agent.log())?.[1];
  await until(() => find() !== undefined, 'the pages to be open');
  return find() ?? '';
}

it('an agent shows its metrics to who has its token, and probes to every program of its host', async (ctx) => {
  const { host, controller } = await agentHost();
  const agent = host.startAgent([controller.endpoint], ['metrics_listen: 127.0.0.1:0']);
  await startSleeper(await controller.session(), LONG);
  const address = await addressOf(agent);
  const tokenFile = join(host.stateDir, METRICS_TOKEN_FILE);
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  const authorization = `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`;

  expect((await get(address, '/metrics')).status).toBe(401);
  expect((await get(address, '/metrics', { authorization: 'Bearer guessed' })).status).toBe(401);
  expect((await get(address, '/livez')).body).toBe('ok\n');
  expect(await get(address, '/readyz')).toEqual({ status: 200, body: `session with ${controller.endpoint}\n` });
  expect((await get(address, '/other', { authorization })).status).toBe(404);
  // A name that was made to point here, and a page of elsewhere.
  expect((await get(address, '/metrics', { authorization, host: 'evil.example' })).status).toBe(403);
  expect((await get(address, '/livez', { origin: 'https://evil.example' })).status).toBe(403);

  const { status, body } = await get(address, '/metrics', { authorization });
  expect(status).toBe(200);
  for (const line of [
    /^process_cpu_seconds_total [\d.e-]+$/m,
    /^process_resident_memory_bytes \d+$/m,
    /^process_open_fds \d+$/m,
    /^nodejs_eventloop_lag_p99_seconds [\d.]+$/m,
    /^locum_agent_info\{server="host-1",pool="default",version="0.0.0-test",runtime="Node [\d.]+"\} 1$/m,
    /^locum_agent_connected 1$/m,
    /^locum_agent_attempts\{state="RUNNING"\} 1$/m,
    /^locum_agent_lease_left_seconds \d+/m,
    /^locum_agent_keeper_state\{state="live"\} 1$/m,
    /^locum_agent_keeper_resident_memory_bytes [1-9]\d{6,}$/m,
    /^locum_agent_keeper_cpu_seconds_total \d/m,
    /^locum_agent_keeper_open_fds [1-9]/m,
    /^locum_agent_disk_stalled 0$/m,
  ])
    expect(body).toMatch(line);
  const promtool = findProgram('promtool') ?? ctx.skip('there is no promtool on PATH');
  // Of the names that the client library gives to what is Node's own it has something to say.
  const ours = body.split('\n').filter((line) => !/^(# (HELP|TYPE) )?nodejs_/.test(line));
  expect(execFileSync(promtool, ['check', 'metrics'], { input: ours.join('\n'), encoding: 'utf8' })).toBe('');
}, 60_000);

it('a port that is taken keeps no agent from its work, and the pages open once it is free; a token of others is refused', async () => {
  const { host, controller } = await agentHost();
  const squatter = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void squatter.close());
  await new Promise((resolve) => squatter.once('listening', resolve));
  const { port } = squatter.address() as AddressInfo;
  const token = join(host.folder, 'scraper.token');
  writeFileSync(token, 'open-sesame\n', { mode: 0o644 });
  const lines = [`metrics_listen: 127.0.0.1:${port}`, `metrics_token_file: ${token}`];
  const agent = host.startAgent([controller.endpoint], lines);
  await startSleeper(await controller.session(), LONG);
  await until(() => agent.log().includes('is open to other users of this host'), 'the token to be refused');
  chmodSync(token, 0o640);
  await until(() => agent.log().includes('EADDRINUSE'), 'the port to be refused');
  squatter.close();
  const address = await addressOf(agent);
  expect((await get(address, '/metrics', { authorization: 'Bearer open-sesame' })).status).toBe(200);
}, 60_000);

it('callers who connect and say nothing are sent away, so that others get in', { timeout: 15_000 }, async () => {
  const page = { metrics: async () => '', contentType: 'text/plain', readiness: () => ({ ready: true, words: '' }) };
  const address = { host: '127.0.0.1', port: 0 };
  const pages = await openMetricsPages({ ...page, address, token: 'x', requestMs: 100 });
  onTestFinished(() => pages.close());
  const port = Number(pages.address.split(':')[1]);
  // As many as are let in at once.
  const silent = Array.from({ length: 32 }, () => connect(port, address.host).on('error', () => undefined));
  await Promise.all(silent.map((socket) => once(socket.resume(), 'close')));
  expect((await get(pages.address, '/livez')).status).toBe(200);
});

it('an address that is no loopback is refused, with what to write', () => {
  const load = (listen: string) => () => loadAgentSettings({ flags: { metricsListen: listen }, env: {} });
  expect(load('0.0.0.0:7403')).toThrow(/metrics_listen.*no address of loopback.*write 127\.0\.0\.1:7403/);
  expect(load('7403')).toThrow(/metrics_listen.*host:port/);
  expect(load('[::1]:7403')()).toMatchObject({ metricsListen: { host: '::1', port: 7403 } });
  expect(load('')()).toMatchObject({ metricsListen: undefined });
});
