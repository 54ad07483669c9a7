/** examples/grpcurl: all that the command line does, with grpcurl and reflection alone, against real controllers and agents. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type DescMessage, fromJsonString, type MessageShape } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';
import { ListControllersResponseSchema } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { ListPoliciesResponseSchema } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { ListPoolsResponseSchema } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { GetServerResponseSchema, ListServersResponseSchema } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { runCaptured } from '../e2e/captured-command.ts';
import { useCluster } from '../e2e/cluster-fixture.ts';
import { LOCUM } from '../e2e/locum-command.ts';
import { findProgram } from '../rpc/foreign-client.ts';
import { TOOLS } from '../sdk/toolchains.ts';

const TEST_TIMEOUT_MS = 120_000;
const SCRIPT = join(import.meta.dirname, '../../examples/grpcurl/locum.sh');

/** Verbs that ask no controller, or that only put together what others ask. */
const LOCAL: Readonly<Record<string, string>> = {
  'policy init': 'prints a file',
  top: 'shows status, servers and events again and again',
  'context list': 'reads a file of its user',
  'context show': 'reads a file of its user',
  'context use': 'changes a file of its user',
  'context set': 'changes a file of its user',
  'context delete': 'changes a file of its user',
  'debug bundle': 'packs what other verbs print',
  'audit verify': 'computes the chain of what is exported',
  'snapshot inspect': 'reads a file',
  'snapshot restore': 'makes a store',
  dev: 'starts programs',
  'dev kill': 'ends programs',
  controller: 'is the program itself',
  agent: 'is the program itself',
  'agent join': 'makes a key on its host',
  'agent leave': 'asks the agent of its host',
  'agent status': 'asks the agent of its host',
  'certificate issue': 'signs with a key on its host',
  'pki new-root': 'makes a key on its host',
  'pki new-wrapping-key': 'makes a key on its host',
  login: 'asks an identity provider',
  logout: 'asks an identity provider',
  'config print controller': 'reads files',
  'config print agent': 'reads files',
  'config validate': 'reads files',
  completion: 'prints a script',
  version: 'prints versions',
};

/** In PATH, or where .ci/run keeps the one that it built. */
function grpcurlFolder(): string | undefined {
  const program = findProgram('grpcurl');
  if (program !== undefined) return join(program, '..');
  const built = existsSync(TOOLS) ? readdirSync(TOOLS).filter((name) => name.startsWith('grpcurl-')) : [];
  return built.map((name) => join(TOOLS, name)).find((folder) => existsSync(join(folder, 'grpcurl')));
}

/** `server make-primary` of each command that does something. */
function leaves(command: Command, above = ''): string[] {
  const name = `${above} ${command.name()}`.trim();
  const below = command.commands.filter((one) => one.name() !== 'help');
  const own = below.length === 0 || ['plan', 'dev', 'agent'].includes(name) ? [name] : [];
  return [...own, ...below.flatMap((one) => leaves(one, name))];
}

describe('the script that is all grpcurl', () => {
  const grpcurl = grpcurlFolder();
  const fixture = useCluster(['a', 'b'], 1);
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-grpcurl-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync('bash', [SCRIPT, ...words], {
      env: {
        ...process.env,
        PATH: `${grpcurl ?? ''}${delimiter}${process.env['PATH'] ?? ''}`,
        LOCUM_ADDRESS: fixture().cluster.address,
        PATIENCE: '30',
        ...env,
      },
      encoding: 'utf8',
      timeout: TEST_TIMEOUT_MS,
    });

  /** What it prints. @throws when it fails */
  function locum(line: string, ...more: string[]): string {
    const { status, stdout, stderr } = run([...line.split(' '), ...more]);
    expect({ line, status, stderr }).toEqual({ line, status: 0, stderr: '' });
    return stdout;
  }
  const refused = (line: string): string => run(line.split(' ')).stderr;

  it('has every verb of the command line that asks a controller', async () => {
    const program = await buildProgram(nouns.map(({ name }) => name));
    const shown = program.commands.filter((one) =>
      nouns.some(({ name, group }) => name === one.name() && group !== undefined),
    );
    const all = shown.flatMap((one) => leaves(one));
    const { stdout } = run(['help']);
    const has = (verb: string) => new RegExp(`^${verb}(?:$| [A-Z-]|:)`, 'm').test(stdout);
    expect(all.length).toBeGreaterThan(80);
    expect(all.filter((verb) => !has(verb) && LOCAL[verb] === undefined)).toEqual([]);
    expect(Object.keys(LOCAL).filter((verb) => !all.includes(verb))).toEqual([]);
  });

  it('answers what the command line answers with -o json', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    if (grpcurl === undefined) return ctx.skip('grpcurl is not installed here');
    const same = async <Desc extends DescMessage>(
      line: string,
      schema: Desc,
      steady: (m: MessageShape<Desc>) => unknown,
    ) => {
      const { code, stdout } = await runCaptured(fixture().cluster.address, [...line.split(' '), '-o', 'json']);
      expect({ line, code }).toEqual({ line, code: 0 });
      const [ours, theirs] = [stdout, locum(line)].map((json) => steady(fromJsonString(schema, json)));
      expect(theirs, line).toEqual(ours);
    };
    const server = (one: { readonly lastHeartbeatTime?: unknown }) => ({ ...one, lastHeartbeatTime: undefined });
    await same('pool list', ListPoolsResponseSchema, (answer) => answer.pools);
    await same('server list', ListServersResponseSchema, (answer) => answer.servers.map(server));
    await same('server show a', GetServerResponseSchema, (answer) => server(answer.server ?? {}));
    await same('controllers', ListControllersResponseSchema, (answer) =>
      answer.controllers.map(({ name, role }) => [name, role]),
    );
    await same('policy list', ListPoliciesResponseSchema, (answer) => answer.policies);
  });

  it('orders, limits, cordons and drains servers, and plans it', { timeout: TEST_TIMEOUT_MS }, (ctx) => {
    if (grpcurl === undefined) return ctx.skip('grpcurl is not installed here');
    locum('server wait b available');
    expect(locum('server make-primary b', '"validate_only":true')).toContain('"planEtag"');
    for (const line of [
      'server promote b',
      'server demote b',
      'server make-primary b',
      'server move a 1',
      'server move a after b',
    ])
      locum(line);
    expect(locum('server order')).toMatch(/"servers\/b",\s+"servers\/a"/);
    locum('server order a b');
    expect(locum('server order')).toMatch(/"servers\/a",\s+"servers\/b"/);
    locum('plan order b a');
    expect(locum('server order')).toMatch(/"servers\/a",\s+"servers\/b"/);
    locum('plan limit a 3');
    locum('server limit a 7');
    expect(locum('server show a')).toMatch(/"maxSlots": 7/);
    locum('server limit a default');
    expect(locum('server show a')).not.toMatch(/"maxSlots"/);
    locum('server cordon b');
    expect(locum('server show b')).toContain('INTENT_CORDONED');
    locum('server drain b');
    locum('server wait b drained');
    locum('server uncordon b');
    for (const line of ['status', 'controllers', 'plan', 'plan a', 'server capabilities', 'server revoked'])
      locum(line);
    expect(refused('server delete a')).toContain('SERVER_ALIVE');
    locum('server revoke zz gone');
    expect(locum('server revoked')).toContain('servers/zz');
    expect(refused('server confirm-dead a unplugged')).toContain('SERVER_NOT_MISSING');
    expect(refused('transfer-leadership')).toContain('TARGET_NOT_ELIGIBLE');
    locum('proceed default');
    locum('pool create edge');
    locum('pool set edge default_max_slots 60');
    expect(locum('pool show edge')).toContain('"defaultMaxSlots": 60');
    locum('pool delete edge');
    expect(locum('pool list')).not.toContain('pools/edge');
  });

  it('runs policies, and everything that is done to runs', { timeout: TEST_TIMEOUT_MS }, (ctx) => {
    if (grpcurl === undefined) return ctx.skip('grpcurl is not installed here');
    const file = join(folder, 'job.json');
    const write = (policy: object): void => writeFileSync(file, JSON.stringify(policy));
    const script = { text: '#!/bin/sh\necho "hello \\"$1\\""\nsleep "${2:-1000}"\n' };
    write({ name: 'policies/steady', workload: { script }, labels: { team: 'a' } });
    expect(locum(`policy diff ${file}`)).toContain('"planEtag"');
    locum(`policy apply ${file}`);
    locum('policy wait steady running');
    expect(locum('policy list', '"filter":["team=a"]')).toContain('policies/steady');
    expect(locum('policy explain steady')).toContain('"servers/a"');
    expect(locum('run show steady')).toContain('RUN_STATE_RUNNING');
    expect(locum('run logs steady')).toBe('hello ""\n');
    const epoch = /"epoch": "(\d+)"/.exec(locum('run show steady'))?.[1] ?? '';
    expect(locum(`fence check steady ${epoch}`)).toContain('"current": true');
    locum('run move steady b');
    locum('run wait steady running');
    locum('policy pause steady');
    expect(locum('policy show steady')).toContain('"paused": true');
    locum('policy resume steady');
    locum('policy restart steady');
    locum('policy wait steady running');
    expect(refused('run release steady')).toContain('WRONG_RUN_STATE');
    const { status } = run(['policy', 'edit', 'steady'], { VISUAL: 'sed -i s/team/squad/' });
    expect(status).toBe(0);
    expect(locum('policy show steady')).toContain('"squad": "a"');
    locum('policy rename steady moved');
    locum('policy wait moved running');
    expect(refused('policy show steady')).toContain('NotFound');
    locum('policy stop moved');
    locum('policy wait moved idle');

    write({ name: 'policies/job', trigger: { onDemand: {} }, workload: { script } });
    locum(`policy apply ${file}`);
    locum('policy start job', 'my "friend"', '0');
    locum('run wait job succeeded');
    expect(locum('run logs job')).toBe('hello "my "friend""\n');
    locum('policy start job', 'x', '1000');
    locum('run wait job running');
    locum('run stop job');
    locum('run wait job stopped');
    expect(locum('run list', '"include_ended":true')).toContain('policies/job');
    locum('policy delete job moved');
    expect(locum('policy list')).toBe('{}\n');
  });

  it('shows what happened, saves everything, and gives access', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    if (grpcurl === undefined) return ctx.skip('grpcurl is not installed here');
    expect(locum('events', '"page_size":5')).toContain('"events/');
    expect(locum('audit list')).toContain('"principal"');
    expect(locum('audit export')).toContain('"entry"');
    expect(locum('debug diagnostics')).toContain('"settings"');
    const file = join(folder, 'saved.snap');
    locum(`snapshot save ${file}`);
    expect(readFileSync(file).length).toBeGreaterThan(100);
    expect(await runCaptured(fixture().cluster.address, ['snapshot', 'inspect', file])).toMatchObject({ code: 0 });
    locum('auth whoami');
    expect(locum('auth can-i policies.read')).toContain('"allowed": true');
    locum('auth role set reader policies.read events.read');
    expect(locum('auth role list')).toContain('"roles/reader"');
    const made = locum('auth token create bot reader');
    const id = /"name": "tokens\/([^"]+)"/.exec(made)?.[1] ?? '';
    expect(locum('auth token list')).toContain(id);
    locum(`auth token revoke ${id}`);
    locum('auth user set ann reader');
    expect(locum('auth user list')).toContain('users/ann');
    locum('auth user delete ann');
    locum('auth role delete reader');
    expect(refused('token create c')).toContain('NO_AUTHORITY');
    locum('token list');
    locum('hook list');
    for (const verb of ['show', 'test', 'forget']) expect(refused(`hook ${verb} none`)).toContain('NOT_FOUND');
    expect(refused('token revoke aaaaaaaaaa')).toContain('NOT_FOUND');
    const followed = spawnSync('timeout', ['3', 'bash', SCRIPT, 'events', '--follow', '"after":"1","allow_gap":true'], {
      env: {
        ...process.env,
        PATH: `${grpcurl}${delimiter}${process.env['PATH'] ?? ''}`,
        LOCUM_ADDRESS: fixture().cluster.address,
      },
      encoding: 'utf8',
    });
    expect(followed.stdout).toContain('"type"');
  });

  it('shows a token to a controller that asks for one, and nobody else in its command line', {
    timeout: TEST_TIMEOUT_MS,
  }, async (ctx) => {
    if (grpcurl === undefined) return ctx.skip('grpcurl is not installed here');
    await atController(join(folder, 'closed'), '127.0.0.1', (port, data) => {
      const where = { LOCUM_ADDRESS: `127.0.0.1:${port}` };
      expect(run(['status'], where).stderr).toContain('Unauthenticated');
      const token = readFileSync(join(data, 'admin.token'), 'utf8').trim();
      const known = run(['auth', 'whoami'], { ...where, LOCUM_TOKEN: token });
      expect({ status: known.status, stderr: known.stderr }).toEqual({ status: 0, stderr: '' });
      expect(known.stdout).toContain('admin');
      const traced = spawnSync('bash', ['-x', SCRIPT, 'auth', 'whoami'], {
        env: {
          ...process.env,
          ...where,
          LOCUM_TOKEN: token,
          PATH: `${grpcurl}${delimiter}${process.env['PATH'] ?? ''}`,
        },
        encoding: 'utf8',
      });
      expect(traced.stderr).toMatch(/^\++ grpcurl .*LOCUM_TOKEN/m);
      expect(traced.stderr.split('\n').filter((line) => /^\++ grpcurl /.test(line) && line.includes(token))).toEqual(
        [],
      );
    });
  });

  it('changes the authority of a cluster, and goes on by the new one', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    if (grpcurl === undefined) return ctx.skip('grpcurl is not installed here');
    // It has an authority as it listens for other hosts.
    await atController(join(folder, 'rotated'), '0.0.0.0', (port, data) => {
      const roots = join(folder, 'roots.pem');
      copyFileSync(join(data, 'pki/ca.crt'), roots);
      const where = {
        LOCUM_ADDRESS: `127.0.0.1:${port}`,
        LOCUM_TOKEN: readFileSync(join(data, 'admin.token'), 'utf8').trim(),
        GRPCURL_FLAGS: `-cacert ${roots}`,
      };
      const pki = (line: string): string => {
        const { status, stdout, stderr } = run(['pki', ...line.split(' ')], where);
        expect({ line, status, stderr }).toEqual({ line, status: 0, stderr: '' });
        return stdout;
      };
      const before = readFileSync(roots, 'utf8');
      expect(pki('status')).toContain('AUTHORITY_PHASE_STEADY');
      pki('rotate begin');
      expect(pki('rotate abort')).toContain('AUTHORITY_PHASE_STEADY');
      pki('rotate begin');
      pki(`trust ${roots}`);
      expect(pki('rotate switch')).toContain('AUTHORITY_PHASE_RENEWING');
      pki('rotate finish');
      pki(`trust ${roots}`);
      expect(pki('status')).toContain('AUTHORITY_PHASE_STEADY');
      expect(readFileSync(roots, 'utf8')).not.toContain(before.trim());
    });
  });
});

/** A closed controller of its own, with an empty store, that listens for agents on this host. */
async function atController(
  data: string,
  agentHost: string,
  play: (port: string, data: string) => void,
): Promise<void> {
  const listen = ['--api-listen', '127.0.0.1:0', '--agent-listen', `${agentHost}:0`, '--store', 'memory:'];
  const child = spawn(process.execPath, [LOCUM, 'controller', ...listen, '--data-dir', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    let log = '';
    for await (const bytes of child.stderr) {
      log += String(bytes);
      const port = /"apiAddress":"127\.0\.0\.1:(\d+)"/.exec(log)?.[1];
      if (port !== undefined) return play(port, data);
    }
    throw new Error(`it does not listen: ${log}`);
  } finally {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
  }
}
