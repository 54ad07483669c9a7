/** A cluster of real processes for one test file, with scaled timers; it checks at its end that nothing was left behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, expect } from 'vitest';
import { LocalCluster, type LocalClusterOptions } from '../../cli/dev/local-cluster.ts';
import { freePort } from '../../cli/dev/ports.ts';
import { SHORT, type TimersScale } from '../../cli/dev/scaled-timers.ts';
import { clockTime } from '../../cli/output/words.ts';
import { Witness } from '../../demo/witness.ts';
import { present } from '../../shared/assert.ts';
import { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import type { Policy } from '../../shared/gen/locum/v1/policy_pb.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { type Attempt, type Run, RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';

export interface Fixture {
  readonly cluster: LocalCluster;
  readonly witness: Witness;
  readonly servers: Client<typeof ServerService>;
  readonly policies: Client<typeof PolicyService>;
  readonly runs: Client<typeof RunService>;
  readonly pools: Client<typeof PoolService>;
  readonly events: Client<typeof EventService>;
  readonly apply: (policy: Policy) => Promise<void>;
  /** The one run of a policy, once it runs on a server (default: on any). */
  readonly running: (policy: string, server?: string) => Promise<{ readonly run: Run; readonly attempt: Attempt }>;
}

/** Starting processes on a busy machine of two cores takes its time. */
export const SETUP_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 40_000;
const POLL_MS = 25;

/** Asks until there is an answer. Real processes can't be told when to be ready. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`did not happen: ${what}`);
    await sleep(POLL_MS);
  }
}

const EVENTS_SHOWN = 25;

/** The same; what did not happen is told with the events that led there. */
async function explained<T>(
  events: Client<typeof EventService>,
  what: string,
  look: () => Promise<T | undefined>,
): Promise<T> {
  try {
    return await eventually(what, look);
  } catch (error) {
    const told = (await events.listEvents({ pageSize: EVENTS_SHOWN })).events.toReversed();
    const lines = told.map(({ time, message }) => `${clockTime(time)} ${message}`);
    throw new Error([String(error), ...lines].join('\n'), { cause: error });
  }
}

/** `servers` are started one after the other, so that their rank is their place in the list. To be called in the tests. */
export function useCluster(
  servers: readonly string[],
  timers: TimersScale = SHORT,
  more: Pick<LocalClusterOptions, 'program' | 'controllerFlags'> = {},
): () => Fixture {
  let made: Fixture | undefined;
  let dataDir = '';
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'locum-e2e-'));
    const [apiPort, agentPort] = [await freePort(), await freePort()];
    const cluster = new LocalCluster({ dataDir, apiPort, agentPort, timers, ...more });
    made = fixtureOf(cluster, dataDir);
    await cluster.startController();
    for (const server of servers) await cluster.startAgent(server);
  }, SETUP_TIMEOUT_MS);
  afterAll(async () => {
    const killed = await made?.cluster.stop();
    expect(killed, 'processes that did not end by themselves').toEqual([]);
    rmSync(dataDir, { recursive: true, force: true });
  }, SETUP_TIMEOUT_MS);
  return () => present(made, 'the cluster is up before the tests begin');
}

function fixtureOf(cluster: LocalCluster, dataDir: string): Fixture {
  const { transport } = cluster;
  const runs = createClient(RunService, transport);
  const policies = createClient(PolicyService, transport);
  const events = createClient(EventService, transport);
  return {
    cluster,
    witness: new Witness(join(dataDir, 'witness')),
    servers: createClient(ServerService, transport),
    policies,
    runs,
    pools: createClient(PoolService, transport),
    events,
    apply: async (policy) => void (await policies.updatePolicy({ policy, allowMissing: true })),
    running: (policy, server) =>
      explained(events, `${policy} runs${server === undefined ? '' : ` on ${server}`}`, async () => {
        const [run] = (await runs.listRuns({ policy: `policies/${policy}` })).runs;
        const attempt = run?.attempts.at(-1);
        if (run?.state !== RunState.RUNNING || attempt === undefined) return undefined;
        return server === undefined || run.server === `servers/${server}` ? { run, attempt } : undefined;
      }),
  };
}
