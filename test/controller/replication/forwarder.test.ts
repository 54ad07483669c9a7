import { createServer, type Http2Server } from 'node:http2';
import { type ConnectRouter, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FORWARDED_HEADER } from '../../../controller/replication/forwarded-call.ts';
import { Forwarder } from '../../../controller/replication/forwarder.ts';
import { openTransport } from '../../../sdk/typescript/transport.ts';
import { LocumError, notFound } from '../../../shared/errors.ts';
import { ClusterService } from '../../../shared/gen/locum/v1/cluster_service_pb.ts';
import { ServerService } from '../../../shared/gen/locum/v1/server_service_pb.ts';
import { createConnectHandler } from '../../../shared/rpc/connect-handler.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { LeadersSeen } from './leaders-seen.ts';

interface Call {
  readonly requestId: string;
  readonly actor: string | null;
  readonly from: string | null;
}

interface Listening {
  readonly address: string;
  readonly calls: readonly Call[];
  /** Breaks all connections. */
  readonly cut: () => void;
}

type Answer = (call: Call) => Promise<void> | void;

/** A controller's API, of which `answer` makes what it does with CordonServer; the names of servers tell who answered. */
async function listening(id: string, answer: Answer = () => undefined, forwarder?: Forwarder): Promise<Listening> {
  const calls: Call[] = [];
  const routes = (router: ConnectRouter): void => {
    router.service(ServerService, {
      cordonServer: async ({ requestId }, { requestHeader }) => {
        const call = {
          requestId,
          actor: requestHeader.get('x-locum-actor'),
          from: requestHeader.get(FORWARDED_HEADER),
        };
        calls.push(call);
        await answer(call);
        return { server: { name: `servers/${id}` } };
      },
      async *watchServers() {
        yield { snapshotEnd: true };
        await new Promise(() => undefined);
      },
    });
    router.service(ClusterService, {
      transferLeadership: async () => {
        await answer({ requestId: '', actor: null, from: null });
        return { controller: `controllers/${id}` };
      },
    });
  };
  const onDefect = (): void => undefined;
  const interceptors = forwarder === undefined ? [] : [forwarder.interceptor];
  const server: Http2Server = createServer(createConnectHandler({ routes, onDefect, interceptors }));
  const cuts: (() => void)[] = [];
  server.on('session', (session) => {
    session.on('error', () => undefined);
    cuts.push(() => session.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const cut = (): void => {
    for (const one of cuts) one();
  };
  onTestFinished(() => {
    server.close();
    cut();
  });
  return { address: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, calls, cut };
}

async function follower(options: { readonly leads?: () => boolean; readonly patienceMs?: number } = {}) {
  const leaders = new LeadersSeen();
  const { leads = () => false, patienceMs = 2_000 } = options;
  const { view, signal: shutdownSignal } = leaders;
  const services = [ServerService, ClusterService];
  const forwarder = new Forwarder({ view, self: 'me', leads, services, shutdownSignal, patienceMs });
  const own = await listening('me', undefined, forwarder);
  const transport = openTransport({ addresses: [own.address], timeoutMs: 1_500 });
  onTestFinished(() => transport.close());
  const simple = createGrpcTransport({ baseUrl: `http://${own.address}` });
  // A limit of its own for each call: what may be repeated, a careful client would repeat until then.
  return {
    leaders,
    own,
    servers: createClient(ServerService, transport),
    /** Of a caller that gives no ids of its own, and repeats nothing. */
    plain: createClient(ServerService, simple),
    clusters: createClient(ClusterService, simple),
  };
}

const cordon = { name: 'servers/a' };
const patient = { timeoutMs: 30_000 };
const reasonOf = (asked: Promise<unknown>): Promise<string | undefined> =>
  asked.then(
    () => undefined,
    (error: unknown) => fromConnectError(error)?.reason,
  );

describe('a follower', () => {
  it('passes a call on, and says for whom', async () => {
    const { leaders, own, servers } = await follower();
    const leader = await listening('leader');
    await leaders.lead('leader', leader.address);
    const { server } = await servers.cordonServer(cordon, { ...patient, headers: { 'x-locum-actor': 'ann' } });
    expect(server?.name).toBe('servers/leader');
    expect(leader.calls).toMatchObject([{ actor: 'ann', from: 'me' }]);
    expect(own.calls).toEqual([]);
  });

  it('passes an answer of the leader on as it is, when it is an error too', async () => {
    const { leaders, servers } = await follower();
    const leader = await listening('leader', () => {
      throw notFound('servers/a');
    });
    await leaders.lead('leader', leader.address);
    const error = await servers.cordonServer(cordon, patient).catch((caught: unknown) => fromConnectError(caught));
    expect(error).toMatchObject({ reason: 'NOT_FOUND', resource: 'servers/a' });
  });

  it('lets a call wait until somebody leads', async () => {
    const { leaders, servers } = await follower();
    const leader = await listening('leader');
    const asked = servers.cordonServer(cordon, patient);
    await new Promise((resolve) => setImmediate(resolve));
    await leaders.lead('leader', leader.address);
    expect((await asked).server?.name).toBe('servers/leader');
  });

  it('says NOT_LEADER when nobody leads for too long', async () => {
    const { servers } = await follower({ patienceMs: 10 });
    expect(await reasonOf(servers.cordonServer(cordon))).toBe('NOT_LEADER');
  });

  it('takes a call to the next leader when the one that has it hangs, however long that took, and with the same id', async () => {
    const { leaders, servers } = await follower({ patienceMs: 100 });
    const hung = Promise.withResolvers<void>();
    onTestFinished(() => hung.resolve());
    const arrived = Promise.withResolvers<void>();
    const silent = await listening('silent', () => {
      arrived.resolve();
      return hung.promise;
    });
    const next = await listening('next');
    await leaders.lead('silent', silent.address);
    const asked = servers.cordonServer(cordon, patient);
    await arrived.promise;
    await new Promise((resolve) => setTimeout(resolve, 150));
    await leaders.lead('next', next.address);
    expect((await asked).server?.name).toBe('servers/next');
    expect(silent.calls[0]?.requestId).not.toBe('');
    expect(next.calls[0]?.requestId).toBe(silent.calls[0]?.requestId);
  });

  it('repeats a call whose connection broke, for it has an id', async () => {
    const { leaders, servers } = await follower();
    let broken = false;
    const leader: Listening = await listening('leader', () => {
      if (broken) return;
      broken = true;
      leader.cut();
    });
    await leaders.lead('leader', leader.address);
    expect((await servers.cordonServer(cordon, patient)).server?.name).toBe('servers/leader');
    expect(new Set(leader.calls.map(({ requestId }) => requestId)).size).toBe(1);
    expect(leader.calls).toHaveLength(2);
  });

  it('says OUTCOME_UNKNOWN of a change to which it gave an id itself, when nobody leads after its connection broke', async () => {
    const { leaders, plain } = await follower({ patienceMs: 100 });
    const leader: Listening = await listening('leader', () => leader.cut());
    await leaders.lead('leader', leader.address);
    expect(await reasonOf(plain.cordonServer(cordon))).toBe('OUTCOME_UNKNOWN');
    expect(leader.calls).not.toEqual([]);
  });

  it('says so when the next leader turns the repeated call away, too', async () => {
    const { leaders, plain } = await follower();
    const leader: Listening = await listening('leader', () => {
      if (leader.calls.length === 1) return leader.cut();
      throw new LocumError('STORE_FULL', 'nothing was changed');
    });
    await leaders.lead('leader', leader.address);
    expect(await reasonOf(plain.cordonServer(cordon))).toBe('OUTCOME_UNKNOWN');
    expect(leader.calls).toHaveLength(2);
  });

  it('says NOT_LEADER of a change that has an id of its caller, who repeats it with the same one', async () => {
    const { leaders, plain } = await follower({ patienceMs: 100 });
    const leader: Listening = await listening('leader', () => leader.cut());
    await leaders.lead('leader', leader.address);
    expect(await reasonOf(plain.cordonServer({ ...cordon, requestId: 'mine' }))).toBe('NOT_LEADER');
    expect(new Set(leader.calls.map(({ requestId }) => requestId))).toEqual(new Set(['mine']));
  });

  it('says OUTCOME_UNKNOWN of a change without an id whose connection broke, and does not do it twice', async () => {
    const { leaders, clusters } = await follower();
    let asked = 0;
    const leader: Listening = await listening('leader', () => {
      asked += 1;
      leader.cut();
    });
    await leaders.lead('leader', leader.address);
    expect(await reasonOf(clusters.transferLeadership({}))).toBe('OUTCOME_UNKNOWN');
    expect(asked).toBe(1);
  });

  it('sends nobody to a leader that is doubted', async () => {
    const { leaders, servers } = await follower({ patienceMs: 10 });
    const leader = await listening('leader');
    const term = await leaders.lead('leader', leader.address);
    leaders.view.doubt(term);
    expect(await reasonOf(servers.cordonServer(cordon))).toBe('NOT_LEADER');
    leaders.view.doubt(0);
    await servers.cordonServer(cordon, patient);
    expect(leader.calls).toHaveLength(1);
  });

  it('refuses what was passed on already, so that no call goes in circles', async () => {
    const { leaders, own, servers } = await follower();
    const leader = await listening('leader');
    await leaders.lead('leader', leader.address);
    const headers = { [FORWARDED_HEADER]: 'other' };
    expect(await reasonOf(servers.cordonServer(cordon, { headers }))).toBe('NOT_LEADER');
    expect([leader.calls, own.calls]).toEqual([[], []]);
  });

  it('that became the leader does a call itself', async () => {
    const { own, servers } = await follower({ leads: () => true });
    expect((await servers.cordonServer(cordon, patient)).server?.name).toBe('servers/me');
    expect(own.calls).toHaveLength(1);
  });

  it('passes streams on, and tells their readers to come again when one breaks', async () => {
    const { leaders, servers } = await follower();
    const leader = await listening('leader');
    await leaders.lead('leader', leader.address);
    const seen: boolean[] = [];
    const reading = (async () => {
      for await (const { snapshotEnd } of servers.watchServers({}, patient)) {
        seen.push(snapshotEnd);
        leader.cut();
      }
    })();
    expect(await reasonOf(reading)).toBe('NOT_LEADER');
    expect(seen).toEqual([true]);
  });

  it('answers STORE_UNAVAILABLE at once while it knows of no leader because the store does not answer', async () => {
    const { leaders, servers } = await follower();
    await leaders.store.close();
    await leaders.seen(() => leaders.view.storeProblem !== undefined);
    const error = await servers.cordonServer(cordon).catch((caught: unknown) => fromConnectError(caught));
    const message = expect.stringContaining('The store is closed.');
    expect(error).toMatchObject({ reason: 'STORE_UNAVAILABLE', retryAfterMs: 1_000, message });
  });
});
