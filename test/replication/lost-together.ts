/** The leader and a server lost at one moment: what the wait for the server costs when the wait begins anew with the next leader. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import type { TimersSchema } from '../../shared/gen/locum/v1/timers_pb.ts';
import { TTL_MS } from './replicated-cluster.ts';
import type { Suite } from './suite.ts';

export interface LostPool {
  readonly id: string;
  readonly timers: MessageInitShape<typeof TimersSchema>;
  /** What of them matters here. */
  readonly heartbeatMs: number;
  readonly missingAfterMs: number;
}

const POLICIES = 5;
/** What the next leader and the start on the other server may take. */
const ROOM_MS = 2_000;

const ms = (value: number) => ({ seconds: BigInt(Math.floor(value / 1_000)), nanos: (value % 1_000) * 1_000_000 });

/** The shortest with which an election of 2 s stops nothing. */
export const SHORT_POOL: LostPool = {
  id: 'short',
  timers: {
    heartbeatInterval: ms(500),
    suspectAfter: ms(1_500),
    lease: ms(3_000),
    stopTimeout: ms(500),
    killGuard: ms(500),
    missingAfter: ms(5_000),
  },
  heartbeatMs: 500,
  missingAfterMs: 5_000,
};

/** The defaults. */
export const REAL_POOL: LostPool = { id: 'real', timers: {}, heartbeatMs: 5_000, missingAfterMs: 45_000 };

export interface LostTogether {
  /** From the loss until the last of its policies ran elsewhere. */
  readonly tookMs: number;
  readonly boundMs: number;
  /** Each policy on the first server, then on the second: no more, and never on both. */
  readonly starts: number;
  readonly overlaps: number;
  readonly servers: readonly string[];
}

/** What `LostTogether` should say, but for the time. */
export const onceElsewhere = ({ id }: LostPool) => ({
  starts: 2 * POLICIES,
  overlaps: 0,
  servers: [`servers/${id}-b`],
});

export async function loseLeaderAndServer(suite: Suite, pool: LostPool): Promise<LostTogether> {
  const { cluster, figures } = suite;
  const { id, timers, missingAfterMs } = pool;
  const ours = new RegExp(`^${id}-\\d`);
  const servers = [`${id}-a`, `${id}-b`];
  await createClient(PoolService, cluster.api.transport).createPool({ pool: { name: `pools/${id}`, timers } });
  for (const server of servers) cluster.startAgent(server, id);
  await cluster.allGranted();
  for (let i = 0; i < POLICIES; i += 1) {
    const list = { pool: `pools/${id}`, servers: servers.map((server) => `servers/${server}`) };
    await cluster.api.policies.createPolicy({ policy: cluster.witness.lasting(`${id}-${i}`, list) });
  }
  const startsOf = (): number[] => {
    const said = cluster.witness.all().filter(({ run, what }) => ours.test(run) && what === 'start');
    return said.map(({ wallMs }) => wallMs);
  };
  const started = (count: number, patienceMs: number) =>
    cluster.until(`${count} starts in ${id}`, async () => (startsOf().length >= count ? true : undefined), patienceMs);
  await started(POLICIES, 20_000);
  // Two heartbeats: the wait counts from the last grant, and that should be of what runs.
  await sleep(pool.heartbeatMs * 2.2);
  const { id: leader } = await cluster.leader();
  const atWall = Date.now();
  cluster.controller(leader).signal('SIGKILL');
  await cluster.killServer(`${id}-a`);
  await started(2 * POLICIES, missingAfterMs + 30_000);
  const tookMs = Math.max(...startsOf()) - atWall;
  figures.span(`leader and server lost, missing_after ${missingAfterMs / 1_000} s: all its policies elsewhere`, tookMs);
  await cluster.controller(leader).exited;
  cluster.startController(leader);
  await cluster.allControllers();
  // A second start or a move would show by now.
  await sleep(1_000);
  const { runs } = await cluster.api.runs.listRuns({ pageSize: 500 });
  const where = runs.filter(({ name }) => ours.test(name.slice('runs/'.length))).map(({ server }) => server);
  return {
    tookMs,
    boundMs: missingAfterMs + TTL_MS + ROOM_MS,
    starts: startsOf().length,
    overlaps: suite.count('overlap', ours),
    servers: [...new Set(where)],
  };
}
