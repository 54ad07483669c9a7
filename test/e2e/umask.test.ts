/** What agents and keepers write is for their owner alone, whatever umask they were started with. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalCluster } from '../../cli/dev/local-cluster.ts';
import { freePort } from '../../cli/dev/ports.ts';
import { Witness } from '../../demo/witness.ts';
import { present } from '../../shared/assert.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { eventually, SETUP_TIMEOUT_MS } from './cluster-fixture.ts';
import { LOCUM } from './locum-command.ts';

/** By the name of the server that is started with it. */
const UMASKS = { open: '000', usual: '022', closed: '077' };
/** Read, write or execute for anybody but the owner. */
const OTHERS = 0o077;

/** Program and arguments that start what follows with the umask of a server. */
const enter = (server: string): readonly string[] => {
  const umask = new Map(Object.entries(UMASKS)).get(server) ?? '022';
  return ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh'];
};

const modeOf = (path: string): string => (lstatSync(path).mode & 0o777).toString(8).padStart(3, '0');

/** What others may do something with, and what. */
function open(folder: string): string[] {
  const below = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return [folder, ...below]
    .filter((path) => (lstatSync(path).mode & OTHERS) !== 0)
    .map((path) => `${modeOf(path)} ${path}`);
}

describe('the state directory', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'locum-umask-'));
  let cluster: LocalCluster | undefined;
  const seen: string[] = [];

  beforeAll(async () => {
    const [apiPort, agentPort] = [await freePort(), await freePort()];
    const network = { host: '127.0.0.1', endpoint: `127.0.0.1:${agentPort}`, enter };
    cluster = new LocalCluster({ dataDir, apiPort, agentPort, network });
    const watcher = watch(dataDir, { recursive: true }, (_event, name) => {
      try {
        const path = join(dataDir, String(name));
        seen.push(`${modeOf(path)} ${name}`);
      } catch {
        // It is gone again.
      }
    });
    await cluster.startController();
    for (const server of Object.keys(UMASKS)) await cluster.startAgent(server);
    const witness = new Witness(join(dataDir, 'witness'));
    const policies = createClient(PolicyService, cluster.transport);
    const runs = createClient(RunService, cluster.transport);
    for (const server of Object.keys(UMASKS)) {
      await policies.updatePolicy({
        policy: witness.policy(server, { servers: [`servers/${server}`] }),
        allowMissing: true,
      });
      await eventually(`${server} runs it`, async () => {
        const [run] = (await runs.listRuns({ policy: `policies/${server}` })).runs;
        return run?.state === RunState.RUNNING ? true : undefined;
      });
    }
    watcher.close();
  }, SETUP_TIMEOUT_MS);

  afterAll(async () => {
    await cluster?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }, SETUP_TIMEOUT_MS);

  it.each(Object.entries(UMASKS))('of %s, whose umask is %s, holds nothing that others can open', (server) => {
    expect(open(present(cluster, 'it is up').stateDir(server))).toEqual([]);
  });

  it('of a keeper that is started by itself holds nothing that others can open', async () => {
    const folder = join(dataDir, 'alone');
    const words = [...enter('open'), process.execPath, LOCUM, 'keeper', '--stay', '--state-dir', folder];
    const [program = '', ...args] = words;
    const keeper = spawn(program, args, { stdio: 'ignore' });
    const ended = once(keeper, 'exit');
    try {
      await eventually('it listens', () => Promise.resolve(existsSync(join(folder, 'keeper.sock')) ? true : undefined));
      expect(open(folder)).toEqual([]);
    } finally {
      keeper.kill('SIGTERM');
      await ended;
    }
  });

  it('never held anything that others could open, from the first moment', () => {
    const ofServers = seen.filter((line) => Object.keys(UMASKS).some((server) => line.includes(` ${server}/`)));
    expect(ofServers.length).toBeGreaterThan(20);
    expect(ofServers.filter((line) => !/^.00 /.test(line))).toEqual([]);
  });
});
