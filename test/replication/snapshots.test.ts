/** From one controller with a file to three on etcd, and back, under policies that run: by real controllers and the real commands. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { incarnationOf } from '../../shared/ids.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { ReplicatedCluster } from './replicated-cluster.ts';

/** A lease that outlives the change of stores. */
const TIMERS_MS = { heartbeat: 1_000, suspect: 6_000, lease: 16_000, stop: 1_000, guard: 1_000, missing: 23_000 };
const CONTROLLERS = ['c1', 'c2', 'c3'];
const POLICIES = 6;
const LONG = process.env['LOCUM_REPLICATION'] === 'long';

let made: ReplicatedCluster | undefined;

afterEach(async () => made?.stop(), 60_000);

async function locum(...words: readonly string[]): Promise<string> {
  const argv = [join(import.meta.dirname, '../../bin/locum.js'), ...words];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`locum ${words.join(' ')}: exit code ${code}`);
  return Buffer.concat(said).toString();
}

class Life {
  readonly cluster: ReplicatedCluster;

  constructor(cluster: ReplicatedCluster) {
    this.cluster = cluster;
  }

  said(what: string, run = /^p\d/): number {
    return this.cluster.witness.all().filter((one) => run.test(one.run) && one.what === what).length;
  }

  /** Epoch of each lasting run, by its name: what a new incarnation must leave as it is. */
  async epochs(): Promise<ReadonlyMap<string, bigint>> {
    const { runs } = await this.cluster.api.runs.listRuns({ pageSize: 100 });
    const lasting = runs.filter(({ policy }) => /^policies\/p\d/.test(policy));
    return new Map(lasting.map(({ name, attempts }) => [name, attempts.at(-1)?.epoch ?? 0n]));
  }

  async incarnation(): Promise<number> {
    const { term } = await this.cluster.api.cluster.getStatus({});
    return incarnationOf(Number(term));
  }

  /** Ends the controllers and brings what they knew into a new store. */
  async changeStore(file: string, store: string, start: () => void): Promise<void> {
    const { cluster } = this;
    await locum('--address', cluster.addressOf('c1'), 'snapshot', 'save', file);
    // Made after the snapshot: the new store knows nothing of it, so what it started has to end.
    await cluster.api.policies.createPolicy({ policy: cluster.witness.lasting('late', { pool: 'pools/default' }) });
    await cluster.until('the late one runs', async () => (this.said('start', /^late/) > 0 ? true : undefined));
    const ending = CONTROLLERS.filter((id) => cluster.has(id)).map((id) => cluster.controller(id));
    for (const controller of ending) controller.signal('SIGTERM');
    await Promise.all(ending.map((controller) => controller.exited));
    await locum('snapshot', 'restore', file, '--store', store);
    start();
    await cluster.allControllers();
    await cluster.allGranted(Date.now());
    await cluster.until('the late one is stopped', async () => (this.said('stop', /^late/) > 0 ? true : undefined));
  }
}

describe('snapshots', () => {
  test('take a cluster from SQLite to etcd and back, and its policies run on', { timeout: 180_000 }, async (ctx) => {
    const missing = etcdMissing();
    if (missing !== undefined) ctx.skip(missing);
    const cluster = await ReplicatedCluster.start(CONTROLLERS, { timersMs: TIMERS_MS, solo: true });
    made = cluster;
    const life = new Life(cluster);
    const { witness, api, folder } = cluster;
    for (const server of ['s1', 's2']) cluster.startAgent(server);
    await cluster.allGranted();
    for (let i = 0; i < POLICIES; i += 1) {
      await api.policies.createPolicy({ policy: witness.lasting(`p${i}`, { pool: 'pools/default' }) });
    }
    await cluster.until('all run', async () => (life.said('start') === POLICIES ? true : undefined));
    const { clusterId } = await api.cluster.getStatus({});
    const epochs = await life.epochs();
    expect([await life.incarnation(), epochs.size]).toEqual([1, POLICIES]);

    const etcd = `etcd://${cluster.etcd.endpoints.join(',')}/locum`;
    await life.changeStore(join(folder, 'one.snap'), etcd, () => {
      for (const id of CONTROLLERS) cluster.startController(id);
    });
    expect(await locum('snapshot', 'inspect', join(folder, 'one.snap'))).toContain(' is complete: ');
    expect([await life.incarnation(), await life.epochs()]).toEqual([2, epochs]);
    expect((await api.cluster.getStatus({})).clusterId).toBe(clusterId);

    const file = `sqlite:${join(folder, 'back.sqlite')}`;
    await life.changeStore(join(folder, 'three.snap'), file, () => cluster.startController('c1', file));
    expect([await life.incarnation(), await life.epochs()]).toEqual([3, epochs]);
    expect([life.said('start'), life.said('stop'), life.said('overlap', /./)]).toEqual([POLICIES, 0, 0]);

    // A takeover wait long.
    if (!LONG) return;
    const restoredMs = Date.now();
    await api.policies.createPolicy({ policy: witness.lasting('new', { pool: 'pools/default' }) });
    const run = await cluster.until('the new one runs', async () => {
      const { runs } = await api.runs.listRuns({ policy: 'policies/new' });
      return runs.find(({ state }) => state === RunState.RUNNING);
    });
    // Only when all that the old store may have started is dead for certain, and above every epoch of before.
    expect(Date.now() - restoredMs).toBeGreaterThan(TIMERS_MS.missing / 2);
    expect(incarnationOf(Number(run.attempts[0]?.epoch))).toBe(3);
  });
});
