import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Code, createClient } from '@connectrpc/connect';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { describeFailure } from '../../cli/failure.ts';
import { openTransport } from '../../sdk/typescript/transport.ts';
import { UnreachableError } from '../../sdk/typescript/unreachable-error.ts';
import { LocumError } from '../../shared/errors.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { fromConnectError, toConnectError } from '../../shared/rpc/status-details.ts';
import { type FakeApi, fakeApi } from '../cli/fake-api.ts';
import { losingProxy } from '../cli/losing-proxy.ts';

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Seen {
  readonly requestIds: string[];
  readonly actors: string[];
}

/** Answers CordonServer after `failures` refusals. */
async function api(failures: readonly LocumError[]): Promise<FakeApi & { readonly seen: Seen }> {
  const left = [...failures];
  const seen: Seen = { requestIds: [], actors: [] };
  const fake = await fakeApi((router) =>
    router.service(ServerService, {
      cordonServer: (request, context) => {
        seen.requestIds.push(request.requestId);
        seen.actors.push(context.requestHeader.get('x-locum-actor') ?? '');
        const failure = left.shift();
        if (failure !== undefined) throw toConnectError(failure);
        return { server: { name: request.name } };
      },
    }),
  );
  closing.push(fake.close);
  return { ...fake, seen };
}

function clientOf(addresses: readonly string[], timeoutMs = 5_000) {
  const transport = openTransport({ addresses, timeoutMs });
  closing.unshift(transport.close);
  return createClient(ServerService, transport);
}

const formatAddress = (address: AddressInfo | string | null): string =>
  typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';

const notLeader = (): LocumError => new LocumError('NOT_LEADER', 'not now', { retryAfterMs: 1 });

describe('calls of the SDK', () => {
  it('carry a request_id of their own and the name of the user', async () => {
    const { address, seen } = await api([]);
    const client = clientOf([address]);
    await client.cordonServer({ name: 'servers/a' });
    await client.cordonServer({ name: 'servers/a' });
    expect(new Set(seen.requestIds).size).toBe(2);
    expect(seen.requestIds[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(seen.actors[0]).not.toBe('');
  });

  it('are repeated with the same request_id when the controller is not available', async () => {
    const { address, seen } = await api([notLeader(), notLeader()]);
    await clientOf([address]).cordonServer({ name: 'servers/a' });
    expect(seen.requestIds).toHaveLength(3);
    expect(new Set(seen.requestIds).size).toBe(1);
  });

  it('are not repeated when the controller has judged them', async () => {
    const { address, seen } = await api([new LocumError('ETAG_MISMATCH', 'changed')]);
    const failure = await clientOf([address])
      .cordonServer({ name: 'servers/a' })
      .catch((error: unknown) => error);
    expect(fromConnectError(failure)?.reason).toBe('ETAG_MISMATCH');
    expect(seen.requestIds).toHaveLength(1);
  });

  for (const how of ['fin', 'rst'] as const) {
    for (const when of ['before', 'after', 'within'] as const) {
      it(`are repeated with the same request_id when the connection ends (${how}) ${when} the answer`, async () => {
        const { address, seen } = await api([]);
        const proxy = await losingProxy(address, { how, when }, 2);
        closing.push(proxy.close);
        const answer = await clientOf([proxy.address]).cordonServer({ name: 'servers/a' });
        expect(answer.server?.name).toBe('servers/a');
        expect(proxy.lost()).toBe(2);
        expect(seen.requestIds).toHaveLength(when === 'before' ? 1 : 3);
        expect(new Set(seen.requestIds).size).toBe(1);
      });
    }
  }

  it('are not repeated once their caller has given them up', async () => {
    const { address, seen } = await api([]);
    const proxy = await losingProxy(address, { how: 'fin', when: 'after' }, 1_000);
    closing.push(proxy.close);
    const given = new AbortController();
    const call = clientOf([proxy.address]).cordonServer({ name: 'servers/a' }, { signal: given.signal });
    given.abort();
    await expect(call).rejects.toThrow(/abort/i);
    expect(seen.requestIds.length).toBeLessThanOrEqual(1);
  });

  it('are given up as cancelled, also between two tries', async () => {
    const { address, seen } = await api([new LocumError('NOT_LEADER', 'not now', { retryAfterMs: 60_000 })]);
    const giving = new AbortController();
    const call = clientOf([address], 120_000).cordonServer({ name: 'servers/a' }, { signal: giving.signal });
    const failure = call.catch((error: unknown) => error);
    await expect.poll(() => seen.requestIds.length).toBe(1);
    giving.abort();
    expect(await failure).toMatchObject({ name: 'ConnectError', code: Code.Canceled });
  });

  it('wait for a controller that answered before and is not there now', async () => {
    const first = await api([]);
    const port = Number(first.address.split(':')[1]);
    const client = clientOf([first.address]);
    await client.cordonServer({ name: 'servers/a' });
    await first.close();
    const call = client.cordonServer({ name: 'servers/a' });
    const again = await fakeApi((router) => router.service(ServerService, { cordonServer: () => ({}) }), port);
    closing.push(again.close);
    await expect(call).resolves.toBeDefined();
  });

  it('go to the next address when nobody listens at the first', async () => {
    const { address, seen } = await api([]);
    await clientOf([`127.0.0.1:${await freePort()}`, address]).cordonServer({ name: 'servers/a' });
    expect(seen.requestIds).toHaveLength(1);
  });

  it('leave a controller that hangs, also when it used up the time of one call', async () => {
    const hung = createServer().listen(0, '127.0.0.1');
    await once(hung, 'listening');
    closing.push(() => hung.close());
    const { address, seen } = await api([]);
    const client = clientOf([formatAddress(hung.address()), address], 200);
    await expect(client.cordonServer({ name: 'servers/a' })).rejects.toThrow(/deadline|timed out/);
    await client.cordonServer({ name: 'servers/a' });
    expect(seen.requestIds).toHaveLength(1);
  });

  it('end at once, with what to do, when nobody listens at any address', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const failure = await clientOf([address], 60_000)
      .cordonServer({ name: 'servers/a' })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UnreachableError);
    expect(String(failure)).toContain(`can't reach a controller at ${address}`);
    expect(describeFailure(failure).lines[1]).toContain('"locum dev" starts one');
  });

  it('give up when time is up, with the last answer', async () => {
    const { address, seen } = await api(Array.from({ length: 1_000 }, notLeader));
    const failure = await clientOf([address], 300)
      .cordonServer({ name: 'servers/a' })
      .catch((error: unknown) => error);
    expect(fromConnectError(failure)?.reason ?? String(failure)).toMatch(/NOT_LEADER|deadline/);
    expect(seen.requestIds.length).toBeGreaterThan(1);
  });
});
