/**
 * What is large on a real etcd of three members, with a real controller: `npm run bench -- store [agents] [runs]`. New agents that all say
 * Hello at once, the largest decisions that there can be, and a new leader's load. Prints figures.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { decodeRecord, encodeRecord } from '../controller/codec/record.ts';
import { openEtcdStore } from '../controller/store/etcd/etcd-store.ts';
import type { Write } from '../controller/store/store.ts';
import { TriggerSchema, WorkloadSchema } from '../shared/gen/locum/v1/policy_pb.ts';
import { runId } from '../shared/ids.ts';
import { runs as anyRuns } from '../test/controller/codec/arbitrary-records.ts';
import { type Clients, clientsOf } from '../test/controller/controller-world.ts';
import { EtcdCluster } from '../test/store/etcd-cluster.ts';
import { endController, startController } from './controller-process.ts';
import { Swarm } from './swarm.ts';

const [agents = 500, storedRuns = 10_000] = process.argv.slice(2).map(Number);
/** As many as a policy may have, and nearly as many bytes of arguments as a run may. */
const RUNS = 1_000;
const ARGUMENTS = [32_000, 28_000].map((length) => 'x'.repeat(length));

function report(what: string, ms: number, more = ''): void {
  process.stdout.write(
    `${what.padEnd(78)} ${(ms / 1000).toFixed(2).padStart(6)} s${more === '' ? '' : `  (${more})`}\n`,
  );
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const startMs = performance.now();
  const result = await work();
  return [result, performance.now() - startMs];
}

async function storm(address: string): Promise<void> {
  const swarm = new Swarm(address);
  const [, ms] = await timed(() => swarm.join(agents, agents));
  report(`${agents} new agents connect and say Hello at once, all are welcomed`, ms);
  swarm.close();
}

const workload = create(WorkloadSchema, { kind: { case: 'command', value: { argv: ['/bin/true'] } } });
const continuous = create(TriggerSchema, { kind: { case: 'continuous', value: {} } });
const onDemand = create(TriggerSchema, { kind: { case: 'onDemand', value: {} } });

/** No server has what they require, so that all of them wait. */
async function largestDecisions({ policies }: Clients): Promise<void> {
  const nowhere = { workload, requirements: ['never'], maxConcurrentRuns: RUNS };
  const stop = async (name: string, what: string): Promise<void> => {
    const [, ms] = await timed(() => policies.stopPolicy({ name }, { timeoutMs: 60_000 }));
    report(`StopPolicy of ${what}`, ms);
  };
  const [, createMs] = await timed(() => {
    return policies.createPolicy(
      { policy: { ...nowhere, name: 'policies/many', trigger: continuous } },
      { timeoutMs: 60_000 },
    );
  });
  report(`CreatePolicy of a continuous policy of ${RUNS} runs`, createMs);
  await stop('policies/many', `its ${RUNS} runs`);
  await policies.createPolicy({ policy: { ...nowhere, name: 'policies/large', trigger: onDemand } });
  const [, startMs] = await timed(async () => {
    for (let i = 0; i < RUNS; i += 20) {
      const some = Array.from({ length: 20 }, () =>
        policies.startPolicy({ name: 'policies/large', arguments: ARGUMENTS }),
      );
      await Promise.all(some);
    }
  });
  report(`${RUNS} StartPolicy with 60 kB of arguments, 20 at a time`, startMs);
  await stop('policies/large', `${RUNS} runs with 60 kB of arguments`);
}

/** Runs of one attempt each, with every field that a run can have. */
async function load(endpoints: readonly string[]): Promise<void> {
  const store = await openEtcdStore({ endpoints, prefix: 'load' });
  const { term } = await store.campaign('bench', new AbortController().signal);
  const some = fc.sample(anyRuns, { numRuns: 3_000, seed: 1 }).filter(({ attempts }) => attempts.length === 1);
  const writes = Array.from({ length: storedRuns }, (_, i): Write => {
    const id = runId(`p${i % 500}-${i + 1}`);
    const run = some[i % some.length];
    if (run === undefined) throw new Error('no run');
    return { kind: 'put', key: `runs/${id}`, value: encodeRecord({ ...run, id }) };
  });
  const bytes = writes.reduce((sum, write) => sum + (write.kind === 'put' ? write.value.length : 0), 0);
  const [outcome, commitMs] = await timed(() => store.commit({ term, number: 1, writes }));
  report(`one commit of ${storedRuns} runs`, commitMs, `${outcome.kind}, ${(bytes / 1e6).toFixed(1)} MB`);
  const big = Array.from({ length: RUNS }, (_, i): Write => {
    return { kind: 'put', key: `runs/big-${i + 1}`, value: new Uint8Array(60_000).fill(i) };
  });
  const [, bigMs] = await timed(() => store.commit({ term, number: 2, writes: big }));
  report(`one commit of ${RUNS} records of 60 kB`, bigMs);
  const [, undoMs] = await timed(() => {
    return store.commit({ term, number: 3, writes: big.map(({ key }) => ({ kind: 'delete', key })) });
  });
  report('the next commit after it, which deletes them', undoMs, 'waits for the unfolding');
  for (let i = 0; i < 5; i += 1) {
    const before = process.cpuUsage();
    const [records, loadMs] = await timed(async () => {
      return (await store.load()).records.map(({ key, value }) => decodeRecord(key, value));
    });
    const { user, system } = process.cpuUsage(before);
    report(
      `load of ${records.length} runs`,
      loadMs,
      `${((user + system) / 1e6).toFixed(2)} s of CPU time in this process`,
    );
  }
  await store.close();
}

process.stdout.write(
  `Node ${process.version}, ${cpus().length} cores, Linux ${release()}, load ${loadavg()[0]?.toFixed(1)}, etcd of three members\n`,
);
const folder = mkdtempSync(join(tmpdir(), 'locum-bench-'));
const cluster = await EtcdCluster.start();
try {
  const store = ['--store', `etcd://${cluster.endpoints.join(',')}/bench`, '--data-dir', folder];
  const controller = await startController(store);
  try {
    await storm(controller.agentAddress);
    await largestDecisions(clientsOf(controller.apiAddress));
  } finally {
    await endController(controller);
  }
  await load(cluster.endpoints);
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true });
}
process.exit(0);
