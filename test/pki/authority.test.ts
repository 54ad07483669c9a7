import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { Authority, AuthorityError, CertificateRequestError, makeAuthority } from '../../shared/pki/authority.ts';
import { type CertificateRequest, makeRequest } from '../../shared/pki/key-pair.ts';
import { DAY, HOUR, MINUTE } from '../../shared/time.ts';
import { makeForeignPki } from './foreign-pki.ts';

const NOW = Date.UTC(2026, 10, 27);
const web1 = { clusterId: 'c', kind: 'server', name: 'web-1', pool: 'edge' } as const;

let files: { certPem: string; keyPem: string };
let authority: Authority;
let request: CertificateRequest;

beforeAll(async () => {
  files = await makeAuthority('c', NOW);
  authority = await Authority.open(files);
  request = await makeRequest();
});

describe('an authority', () => {
  it('signs for one identity and one day, for clients only', async () => {
    const { certPem, serial, notAfterMs } = await authority.sign({
      csrPem: request.csrPem,
      identity: web1,
      nowMs: NOW,
    });
    const certificate = new X509Certificate(certPem);
    const root = new X509Certificate(files.certPem);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.checkIssued(root)).toBe(true);
    expect(certificate.subjectAltName).toBe('URI:spiffe://c/server/web-1/pool/edge');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.ca).toBe(false);
    expect(certificate.serialNumber.toLowerCase()).toBe(serial);
    expect(notAfterMs).toBe(NOW + DAY);
    expect(certificate.validFromDate.getTime()).toBe(NOW - 5 * MINUTE);
  });

  it('signs for a controller with the names that it listens on', async () => {
    const identity = { clusterId: 'c', kind: 'controller', name: 'c1' } as const;
    const signed = await authority.sign({
      csrPem: request.csrPem,
      identity,
      hosts: ['10.0.0.1', 'c1.lan'],
      nowMs: NOW,
    });
    const certificate = new X509Certificate(signed.certPem);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(certificate.checkIP('10.0.0.1')).toBe('10.0.0.1');
    expect(certificate.checkHost('c1.lan')).toBe('c1.lan');
  });

  it('signs nothing that outlives its root', async () => {
    const late = NOW + 3_650 * DAY - HOUR;
    const { notAfterMs } = await authority.sign({ csrPem: request.csrPem, identity: web1, nowMs: late });
    expect(notAfterMs).toBe(NOW + 3_650 * DAY);
  });

  it('below another one signs nothing that outlives what stands for it, and is not opened without that', async () => {
    const { rootPem, chainPem, keyPem } = await makeForeignPki({ rootLifeMs: 2 * HOUR });
    const below = await Authority.open({ certPem: chainPem, keyPem });
    const signed = await below.sign({ csrPem: request.csrPem, identity: web1, nowMs: Date.now() });
    expect(signed.notAfterMs).toBe(Date.parse(new X509Certificate(rootPem).validTo));
    const alone = chainPem.replace(rootPem, '');
    await expect(Authority.open({ certPem: alone, keyPem })).rejects.toThrow(/up to the root/);
    // Two stand for the same one, and of one of these there is no root.
    const crossed = await authority.endorse(rootPem, NOW);
    await expect(Authority.open({ certPem: alone + crossed + rootPem, keyPem })).resolves.toBeDefined();
    await expect(Authority.open({ certPem: alone + crossed, keyPem })).rejects.toThrow(/up to the root/);
  });

  it('signs no request whose sender does not have the key', async () => {
    const der = Buffer.from(request.csrPem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    const csrPem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await expect(authority.sign({ csrPem, identity: web1, nowMs: NOW })).rejects.toThrow(CertificateRequestError);
  });

  it.each(['', 'x', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----', 'a'.repeat(9_000)])(
    'signs nothing that is no request: %s',
    async (csrPem) => {
      await expect(authority.sign({ csrPem, identity: web1, nowMs: NOW })).rejects.toThrow(CertificateRequestError);
    },
  );

  it('signs for nobody whose name could be read as another', async () => {
    const identity = { ...web1, name: 'web-1/pool/core' };
    await expect(authority.sign({ csrPem: request.csrPem, identity, nowMs: NOW })).rejects.toThrow(RangeError);
  });

  it('is not opened with the key of another, or with what is no key, and no error shows the key', async () => {
    const other = await makeAuthority('c', NOW);
    await expect(Authority.open({ ...files, keyPem: other.keyPem })).rejects.toThrow('not that of the certificate');
    const damaged = files.keyPem.replace('M', '!');
    const error: unknown = await Authority.open({ ...files, keyPem: damaged }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AuthorityError);
    expect(String(error)).not.toContain(damaged.split('\n')[1]);
  });

  it('is not opened with a certificate that may not sign', async () => {
    const { certPem } = await authority.sign({ csrPem: request.csrPem, identity: web1, nowMs: NOW });
    await expect(Authority.open({ certPem, keyPem: request.keyPem })).rejects.toThrow('not that of an authority');
  });
});
