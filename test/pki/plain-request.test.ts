import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Authority, CertificateRequestError, makeAuthority } from '../../shared/pki/authority.ts';
import { requestFromDer } from '../../shared/pki/key-pair.ts';
import { makePlainRequest } from '../../shared/pki/plain-request.ts';
import { TlsIdentity } from '../../shared/rpc/tls-identity.ts';

const identity = { clusterId: 'c', kind: 'server', name: 'web-1' } as const;

describe('a request that Node alone has made', () => {
  it('is signed like any other, for its key', async () => {
    const files = await makeAuthority('c', Date.now());
    const authority = await Authority.open(files);
    const { request, keyPem } = await makePlainRequest();
    const { certPem } = await authority.sign({ csrPem: requestFromDer(request), identity, nowMs: Date.now() });
    expect(new X509Certificate(certPem).subjectAltName).toBe('URI:spiffe://c/server/web-1');
    // Throws where the key is not that of the certificate.
    expect(new TlsIdentity({ certPem, keyPem, rootsPem: files.certPem }).material.keyPem).toBe(keyPem);
  });

  it('is refused when a bit of it is another', async () => {
    const authority = await Authority.open(await makeAuthority('c', Date.now()));
    const { request } = await makePlainRequest();
    const last = request.length - 1;
    request.writeUInt8(request.readUInt8(last) ^ 1, last);
    const signing = authority.sign({ csrPem: requestFromDer(request), identity, nowMs: Date.now() });
    await expect(signing).rejects.toThrow(CertificateRequestError);
  });
});
