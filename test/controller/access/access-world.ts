/** A controller that asks everybody who he is, with two pools, a server and a policy that runs in each, and tokens for its tests. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_TOKEN_FILE } from '../../../shared/access/local-files.ts';
import type { RoleGrant } from '../../../shared/access/principal.ts';
import { assert } from '../../../shared/assert.ts';
import { type Clients, ControllerWorld, clientsOf, eventually, type WorldOptions } from '../controller-world.ts';

export const POOLS = ['default', 'edge'] as const;

export interface AccessWorld {
  readonly world: ControllerWorld;
  /** As the administrator of its host. */
  readonly admin: Clients;
  readonly withToken: (token: string | undefined) => Clients;
  /** A new token with these roles. */
  readonly token: (...roles: readonly RoleGrant[]) => Promise<{ readonly name: string; readonly secret: string }>;
  /** Runs, by their pool. */
  readonly runs: ReadonlyMap<string, string>;
}

export const localTokenIn = (folder: string): string => {
  const file = join(folder, LOCAL_TOKEN_FILE);
  assert(existsSync(file), 'the controller has made its token');
  return readFileSync(file, 'utf8').trim();
};

export function inAccessWorld(body: (world: AccessWorld) => Promise<void>, options: WorldOptions = {}) {
  return async (): Promise<void> => {
    const world = await ControllerWorld.start(options);
    try {
      await world.stop();
      await world.start({ open: false, dataDirectory: world.folder });
      await body(await furnished(world));
    } finally {
      await world.dispose();
    }
  };
}

async function furnished(world: ControllerWorld): Promise<AccessWorld> {
  const withToken = (token: string | undefined): Clients => clientsOf(world.controller.apiAddress, token);
  const admin = withToken(localTokenIn(world.folder));
  await admin.pools.createPool({ pool: { name: 'pools/edge' } });
  const runs = new Map<string, string>();
  for (const pool of POOLS) {
    const agent = world.agent(`${pool}-1`);
    agent.live(world.settings.initialTimers.heartbeatMs);
    await agent.join({ pool });
    agent.call.on('data', ({ message }) => {
      if (message.case !== 'readOutput') return;
      const { requestId } = message.value;
      agent.say({ case: 'outputChunk', value: { requestId, size: 2n, data: Buffer.from('hi'), end: true } });
    });
    const workload = { kind: { case: 'command' as const, value: { argv: ['sleep', '1000'] } } };
    const labels = { team: pool };
    await admin.policies.createPolicy({
      policy: { name: `policies/job-${pool}`, pool: `pools/${pool}`, workload, labels },
    });
    const { runs: made } = await eventually(async () => {
      const listed = await admin.runs.listRuns({ policy: `policies/job-${pool}` });
      return listed.runs.length > 0 ? listed : undefined;
    });
    runs.set(pool, made[0]?.name ?? '');
  }
  const token: AccessWorld['token'] = async (...roles) => {
    const grants = roles.map(({ role, pools = [], policyLabels = {} }) => ({ role, pools: [...pools], policyLabels }));
    const answer = await admin.access.createToken({ holder: 'tester', roles: grants });
    return { name: answer.token?.name ?? '', secret: answer.secret };
  };
  return { world, admin, withToken, token, runs };
}
