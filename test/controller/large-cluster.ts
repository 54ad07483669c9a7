/** Many policies and servers on a controller, and all questions about them: for figures, and for the bounds of answers. */
import { toBinary, toJsonString } from '@bufbuild/protobuf';
import type { Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { PAGE_SIZE, type Page, readPages } from '../../sdk/typescript/pages.ts';
import { type Services, servicesOver } from '../../sdk/typescript/services.ts';
import { Apply } from '../../shared/gen/locum/v1/pool_pb.ts';
import { ScriptedAgent } from './scripted-agent.ts';

export interface LargeClusterOptions {
  readonly apiAddress: string;
  readonly agentAddress: string;
  readonly policies: number;
  readonly servers: number;
  readonly heartbeatMs: number;
}

/** A question, and how it is asked. */
export interface Question {
  readonly what: string;
  readonly ask: () => Promise<unknown>;
}

/** Calls under way at the same time while the cluster is made. */
const AT_ONCE = 50;
const SETTLED_TIMEOUT_MS = 120_000;
const LONG = { timeoutMs: 60_000 };

export class LargeCluster {
  readonly api: Services;
  readonly #options: LargeClusterOptions;
  readonly #agents: ScriptedAgent[] = [];
  #largestBytes = 0;

  constructor(options: LargeClusterOptions) {
    this.#options = options;
    const measured: Interceptor = (next) => async (request) => {
      const response = await next(request);
      if (!response.stream) {
        const { message } = response;
        const { output } = response.method;
        // As gRPC and as JSON, which is what a browser and curl get.
        this.#largestBytes = Math.max(
          this.#largestBytes,
          toBinary(output, message).length,
          toJsonString(output, message).length,
        );
      }
      return response;
    };
    const baseUrl = `http://${options.apiAddress}`;
    this.api = servicesOver(createGrpcTransport({ baseUrl, interceptors: [measured] }));
  }

  /** Resolves when every policy runs. */
  async fill(): Promise<void> {
    const { agentAddress, policies, servers, heartbeatMs } = this.#options;
    await inTurns(servers, async (i) => {
      const agent = new ScriptedAgent(agentAddress, `server-${i + 1}`);
      this.#agents.push(agent);
      agent.live(heartbeatMs);
      await agent.join();
    });
    await inTurns(policies, async (i) => {
      const workload = {
        kind: { case: 'command' as const, value: { argv: ['/usr/bin/worker', '--queue', `orders-${i + 1}`] } },
      };
      const labels = { team: `team-${i % 20}`, tier: 'batch' };
      await this.api.policies.createPolicy({ policy: { name: `policies/worker-${i + 1}`, workload, labels } }, LONG);
    });
    const untilMs = performance.now() + SETTLED_TIMEOUT_MS;
    while ((await this.api.cluster.getStatus({})).runningRuns < policies) {
      if (performance.now() > untilMs) throw new Error('not all policies run after two minutes');
    }
  }

  /** Of the answers since the last time that this was asked. */
  takeLargestBytes(): number {
    const bytes = this.#largestBytes;
    this.#largestBytes = 0;
    return bytes;
  }

  questions(): readonly Question[] {
    return [...this.#lists(), ...this.#plans()];
  }

  #lists(): readonly Question[] {
    const { cluster, pools, servers, policies, runs, events } = this.api;
    const all = (what: string, read: (pageToken: string) => Promise<Page>): Question => ({
      what,
      ask: () => readPages(read),
    });
    const page = { pageSize: PAGE_SIZE };
    return [
      { what: 'GetStatus', ask: () => cluster.getStatus({}) },
      all('ListPools, all pages', (pageToken) => pools.listPools({ ...page, pageToken })),
      all('ListServers, all pages', (pageToken) => servers.listServers({ ...page, pageToken })),
      { what: 'ListCapabilities', ask: () => servers.listCapabilities({ ...page }) },
      { what: 'GetServerOrder', ask: () => pools.getServerOrder({ pool: 'pools/default' }) },
      all('ListPolicies, all pages', (pageToken) => policies.listPolicies({ ...page, pageToken })),
      all('ListPolicies of one label, all pages', (pageToken) =>
        policies.listPolicies({ ...page, pageToken, filter: ['team=team-7'] }),
      ),
      all('ListRuns, all pages', (pageToken) => runs.listRuns({ ...page, pageToken })),
      all('ListRuns of one server, all pages', (pageToken) =>
        runs.listRuns({ ...page, pageToken, server: 'servers/server-1' }),
      ),
      { what: 'ListEvents, newest page', ask: () => events.listEvents(page) },
      { what: 'ExplainPlacement', ask: () => policies.explainPlacement({ name: 'policies/worker-1' }) },
    ];
  }

  #plans(): readonly Question[] {
    const { cluster, pools, servers, policies } = this.api;
    const names = Array.from({ length: this.#options.servers }, (_, i) => `servers/server-${i + 1}`);
    const order = { pool: 'pools/default', servers: names.toReversed(), validateOnly: true, apply: Apply.MOVE_NOW };
    const limit = {
      server: { name: 'servers/server-1', maxSlots: 1 },
      updateMask: { paths: ['max_slots'] },
      validateOnly: true,
    };
    const policy = {
      name: 'policies/worker-1',
      workload: { kind: { case: 'command' as const, value: { argv: ['other'] } } },
    };
    return [
      { what: 'plan: each server lost by itself', ask: () => cluster.simulateFailure({}, LONG) },
      { what: 'plan: one server lost', ask: () => cluster.simulateFailure({ servers: names.slice(0, 1) }, LONG) },
      {
        what: 'plan: half of the servers lost',
        ask: () => cluster.simulateFailure({ servers: names.slice(0, names.length / 2) }, LONG),
      },
      { what: 'plan: all servers lost', ask: () => cluster.simulateFailure({ servers: names }, LONG) },
      { what: 'plan: the order reversed, all runs move now', ask: () => pools.setServerOrder(order, LONG) },
      { what: 'plan: another limit', ask: () => servers.updateServer(limit, LONG) },
      {
        what: 'plan: a server drained',
        ask: () => servers.drainServer({ name: 'servers/server-1', validateOnly: true }, LONG),
      },
      { what: 'plan: a policy changed', ask: () => policies.updatePolicy({ policy, validateOnly: true }, LONG) },
    ];
  }

  close(): void {
    for (const agent of this.#agents) agent.close();
  }
}

async function inTurns(count: number, act: (i: number) => Promise<void>): Promise<void> {
  for (let i = 0; i < count; i += AT_ONCE) {
    const some = Math.min(AT_ONCE, count - i);
    await Promise.all(Array.from({ length: some }, (_, k) => act(i + k)));
  }
}
