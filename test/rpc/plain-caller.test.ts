/** Plain text to a listener that speaks TLS, and TLS to one that speaks none: both are told in one line what is wrong. */
import { createClient } from '@connectrpc/connect';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeFailure } from '../../cli/failure.ts';
import { openTransport } from '../../sdk/typescript/transport.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { Authority, makeAuthority } from '../../shared/pki/authority.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import type { TurnedAway } from '../../shared/rpc/tls-door.ts';
import { TlsIdentity } from '../../shared/rpc/tls-identity.ts';
import { startPoolListener } from './pool-listener.ts';

async function speaksTls() {
  const authority = await Authority.open(await makeAuthority('c', Date.now()));
  const { csrPem, keyPem } = await makeRequest();
  const holder = { clusterId: 'c', kind: 'controller', name: 'c1' } as const;
  const { certPem } = await authority.sign({ csrPem, identity: holder, nowMs: Date.now(), hosts: ['127.0.0.1'] });
  const rootsPem = authority.certPem;
  const refused: TurnedAway[] = [];
  const tls = {
    ...{ identity: new TlsIdentity({ certPem, keyPem, rootsPem }), admitsNobody: true },
    rule: () => ({ clusterId: 'c', kinds: ['user'] as const }),
    refused: (one: TurnedAway): void => void refused.push(one),
  };
  return { listener: await startPoolListener({ tls }), rootsPem, refused };
}

function pools(address: string, tls?: { readonly ca: string }) {
  const transport = openTransport({ addresses: [address], timeoutMs: 20_000, ...(tls === undefined ? {} : { tls }) });
  onTestFinished(transport.close);
  return createClient(PoolService, transport);
}

describe('a listener that speaks TLS', () => {
  it('tells gRPC in plain text that it does, and its owner of it', async () => {
    const { listener, rootsPem, refused } = await speaksTls();
    const failure = await pools(listener.target)
      .listPools({})
      .catch((error: unknown) => error);
    expect(fromConnectError(failure)?.reason).toBe('TLS_REQUIRED');
    expect(refused).toMatchObject([{ reason: 'HANDSHAKE_FAILED', message: 'it speaks no TLS, and was told so' }]);
    expect((await pools(listener.target, { ca: rootsPem }).listPools({})).pools).toHaveLength(1);
  });

  it('tells HTTP/1.1 the same, and serves nothing, not even health', async () => {
    const { listener } = await speaksTls();
    for (const path of ['/healthz', '/locum.v1.PoolService/ListPools']) {
      const answer = await fetch(`http://${listener.target}${path}`);
      expect({ status: answer.status, body: await answer.text() }).toEqual({
        status: 400,
        body: expect.stringContaining('TLS_REQUIRED'),
      });
    }
  });
});

describe('a listener that speaks no TLS', () => {
  it('is named as such to who speaks TLS', async () => {
    const { rootsPem } = await speaksTls();
    const plain = await startPoolListener();
    const failure = await pools(plain.target, { ca: rootsPem })
      .listPools({})
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'UnreachableError', reason: 'NO_TLS' });
    expect(describeFailure(failure).lines[0]).toBe(
      `can't reach a controller at ${plain.target}: it speaks no TLS (NO_TLS)`,
    );
  });
});
