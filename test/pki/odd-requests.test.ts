/** Requests for certificates as openssl makes them, with what we do not take: keys of other kinds, and words about itself. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Authority, CertificateRequestError, makeAuthority, requestKeyHash } from '../../shared/pki/authority.ts';

/** Undefined: there is no openssl. */
function requested(key: readonly string[], more: readonly string[] = []): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'locum-csr-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const words = ['req', '-new', '-newkey', ...key, '-nodes', '-subj', '/CN=x', '-keyout', 'x.key', '-out', 'x.csr'];
  try {
    execFileSync('openssl', [...words, ...more], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    return readFileSync(join(folder, 'x.csr'), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

const curve = (name: string): readonly string[] => ['ec', '-pkeyopt', `ec_paramgen_curve:${name}`];

it.for<readonly [string, readonly string[]]>([
  ['on P-384', curve('P-384')],
  ['on the curve of Bitcoin', curve('secp256k1')],
  ['on P-256, which it describes instead of naming it', [...curve('P-256'), '-pkeyopt', 'ec_param_enc:explicit']],
  ['of RSA', ['rsa:1024']],
  ['of EdDSA', ['ed25519']],
])('nothing is signed for a key %s', async ([, key], ctx) => {
  const csrPem = requested(key);
  if (csrPem === undefined) return ctx.skip('there is no openssl');
  await expect(requestKeyHash(csrPem)).rejects.toThrow(CertificateRequestError);
});

it('what a request says of itself gets into no certificate', async (ctx) => {
  const says = ['subjectAltName=URI:spiffe://c/user/root', 'basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign'];
  const csrPem = requested(
    curve('P-256'),
    says.flatMap((extension) => ['-addext', extension]),
  );
  if (csrPem === undefined) return ctx.skip('there is no openssl');
  const authority = await Authority.open(await makeAuthority('c', Date.now()));
  const identity = { clusterId: 'c', kind: 'server', name: 'web-1' } as const;
  const { certPem } = await authority.sign({ csrPem, identity, nowMs: Date.now() });
  const certificate = new X509Certificate(certPem);
  expect(certificate.subjectAltName).toBe('URI:spiffe://c/server/web-1');
  expect([certificate.ca, certificate.subject]).toEqual([false, 'O=Locum\nCN=server web-1']);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
});
