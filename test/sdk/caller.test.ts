/** Who the SDK says that it is, over real connections. */
import { spawnSync } from 'node:child_process';
import { createSecureServer } from 'node:http2';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../sdk/typescript/client.ts';
import { LocumError } from '../../shared/errors.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { toConnectError } from '../../shared/rpc/status-details.ts';
import { fakeApi } from '../cli/fake-api.ts';
import { makeCertificate } from './certificate.ts';

async function secureApi(tls: { readonly cert: string; readonly key: string }) {
  const seen: (string | null)[] = [];
  const routes = connectNodeAdapter({
    routes: (router) =>
      router.service(PoolService, {
        listPools: (_request, { requestHeader }) => {
          seen.push(requestHeader.get('authorization'));
          return { pools: [{ name: 'pools/default' }] };
        },
      }),
  });
  const server = createSecureServer(tls, routes);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, seen };
}

describe('a caller', () => {
  it('speaks TLS to a controller whose certificate it trusts, and shows its token', async (ctx) => {
    if (spawnSync('openssl', ['version']).status !== 0) ctx.skip('certificates need openssl');
    const tls = makeCertificate();
    const { port, seen } = await secureApi(tls);
    const trusting = connect({ addresses: [`localhost:${port}`], token: 'secret', tls: { ca: tls.cert } });
    onTestFinished(trusting.close);
    expect((await trusting.pools.listPools({})).pools).toHaveLength(1);
    expect(seen).toEqual(['Bearer secret']);
    const other = connect({ addresses: [`localhost:${port}`], token: 'secret', tls: {}, timeoutMs: 5_000 });
    onTestFinished(other.close);
    await expect(other.pools.listPools({})).rejects.toThrow(/self-signed certificate/);
    expect(seen).toHaveLength(1);
  });

  it('fails at once when it has no token to show, and does not ask until time is up', async () => {
    let times = 0;
    const token = (): Promise<string> => {
      times += 1;
      return Promise.reject(new Error('the vault is sealed'));
    };
    const locum = connect({ addresses: ['127.0.0.1:1', '127.0.0.1:2'], token });
    onTestFinished(locum.close);
    const failure = await locum.pools.listPools({}).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'TokenError', cause: { message: 'the vault is sealed' } });
    expect(times).toBe(1);
  });

  it('is asked for its token before each try, so that it may be renewed', async () => {
    const seen: string[] = [];
    const api = await fakeApi((router) =>
      router.service(PoolService, {
        createPool: (_request, { requestHeader }) => {
          seen.push(requestHeader.get('authorization') ?? '');
          if (seen.length === 1) throw toConnectError(new LocumError('NOT_LEADER', 'not now', { retryAfterMs: 1 }));
          return {};
        },
      }),
    );
    onTestFinished(api.close);
    let asked = 0;
    const token = (): Promise<string> => {
      asked += 1;
      return Promise.resolve(`token-${asked}`);
    };
    const locum = connect({ addresses: [api.address], token });
    onTestFinished(locum.close);
    await locum.pools.createPool({ pool: { name: 'pools/a' } });
    expect(seen).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it.each(['controller.example:7400', '127.0.0.1.example:7400', '10.0.0.1:7400', '[::2]:7400'])(
    'never shows its token to %s in plain text',
    (address) => {
      expect(() => connect({ addresses: ['127.0.0.1:7400', address], token: 'secret' })).toThrow(RangeError);
    },
  );

  it.each(['localhost:7400', '127.8.0.1:7400', '[::1]:7400'])('may show its token to %s', (address) => {
    const locum = connect({ addresses: [address], token: 'secret' });
    locum.close();
    expect(locum.pools).toBeDefined();
  });
});
