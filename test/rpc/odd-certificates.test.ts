/** The door, and certificates that our own authority has signed but would not make: by openssl, as other tools that have its key may. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { Authority, makeAuthority } from '../../shared/pki/authority.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import { peekTls } from '../../shared/rpc/protocol-peek.ts';
import { openTlsDoor } from '../../shared/rpc/tls-door.ts';
import { TlsIdentity } from '../../shared/rpc/tls-identity.ts';

const WEB_1 = 'URI:spiffe://c/server/web-1';

function openssl(folder: string, ...words: readonly string[]): void {
  execFileSync('openssl', words, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

function hasOpenssl(): boolean {
  try {
    openssl('.', 'version');
    return true;
  } catch {
    return false;
  }
}

/** A door for servers of cluster `c`. `knock` tells what became of whoever shows this. */
async function door() {
  const folder = mkdtempSync(join(tmpdir(), 'locum-odd-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = await makeAuthority('c', Date.now());
  writeFileSync(join(folder, 'ca.crt'), files.certPem);
  writeFileSync(join(folder, 'ca.key'), files.keyPem, { mode: 0o600 });
  const authority = await Authority.open(files);
  const { csrPem, keyPem } = await makeRequest();
  const identity = { clusterId: 'c', kind: 'controller', name: 'c1' } as const;
  const { certPem } = await authority.sign({ csrPem, identity, nowMs: Date.now() });
  const verdicts: string[] = [];
  const { take } = openTlsDoor({
    identity: new TlsIdentity({ certPem, keyPem, rootsPem: files.certPem }),
    rule: () => ({ clusterId: 'c', kinds: ['server'] }),
    protocols: ['h2'],
    owner: {
      admitted: (secured, peer) => {
        verdicts.push(`${peer?.identity.name}${secured.isSessionReused() ? ' again' : ''}`);
        secured.end('welcome');
      },
      refused: ({ reason }) => void verdicts.push(reason),
    },
  });
  const open = new Set<Socket>();
  const listener = createServer((raw) => {
    open.add(raw);
    raw.once('close', () => open.delete(raw));
    peekTls(raw, 5_000, { tls: take, plain: () => raw.destroy() });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void listener.close());
  const { port } = listener.address() as AddressInfo;
  const knock = async (own: ConnectionOptions): Promise<{ verdict: string | undefined; session?: Buffer }> => {
    const told = verdicts.length;
    const options = { port, host: '127.0.0.1', ca: files.certPem, ALPNProtocols: ['h2'], ...own };
    const socket = connect({ ...options, checkServerIdentity: () => undefined });
    let session: Buffer | undefined;
    socket.on('session', (found) => {
      session = found;
    });
    socket.on('error', () => undefined).resume();
    await new Promise((resolve) => socket.once('close', resolve));
    await expect.poll(() => open.size).toBe(0);
    return { verdict: verdicts[told], ...(session === undefined ? {} : { session }) };
  };
  return { folder, authority, knock };
}

/** Signed by the root in the folder, or by another one there. */
function leaf(folder: string, extensions: string, { key = 'ec', by = 'ca', life = ['-days', '1'] } = {}) {
  writeFileSync(join(folder, 'extensions'), `${extensions}\n`);
  const curve = key === 'ec' ? ['-pkeyopt', 'ec_paramgen_curve:P-256'] : [];
  openssl(
    folder,
    'req',
    '-new',
    '-newkey',
    key,
    ...curve,
    '-nodes',
    '-subj',
    '/CN=x',
    '-keyout',
    'x.key',
    '-out',
    'x.csr',
  );
  openssl(folder, 'x509', '-req', '-in', 'x.csr', '-out', 'x.crt', '-extfile', 'extensions', ...life, ...signer(by));
  const [cert, own] = ['x.crt', 'x.key'].map((name) => readFileSync(join(folder, name), 'utf8'));
  return { cert: cert ?? '', key: own ?? '' };
}

const signer = (by: string): readonly string[] => ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial'];

const ODD: readonly [what: string, verdict: string, extensions: string][] = [
  ['for whatever use, as nothing is said of it', 'web-1', `subjectAltName=${WEB_1}`],
  ['with an address beside the identity', 'web-1', `subjectAltName=IP:10.0.0.1,${WEB_1}`],
  ['that is for servers of TLS only', 'UNKNOWN_AUTHORITY', `subjectAltName=${WEB_1}\nextendedKeyUsage=serverAuth`],
  ['that is for any use but that of TLS', 'UNKNOWN_AUTHORITY', `subjectAltName=${WEB_1}\nextendedKeyUsage=codeSigning`],
  ['whose key may only sign certificates', 'UNKNOWN_AUTHORITY', `subjectAltName=${WEB_1}\nkeyUsage=keyCertSign`],
  [
    'with something critical that nobody knows',
    'UNKNOWN_AUTHORITY',
    `subjectAltName=${WEB_1}\n1.2.3.4=critical,ASN1:NULL`,
  ],
  ['of an authority', 'NO_IDENTITY', `subjectAltName=${WEB_1}\nbasicConstraints=critical,CA:TRUE`],
  ['with two identities', 'NO_IDENTITY', `subjectAltName=${WEB_1},URI:spiffe://c/server/web-2`],
  ['with another URI beside the identity', 'NO_IDENTITY', `subjectAltName=URI:https://a.example,${WEB_1}`],
  ['with the identity inside a DNS name', 'NO_IDENTITY', `subjectAltName=@a\n[a]\nDNS.1=a\\, ${WEB_1}`],
  [
    'with the identity inside the name of a directory',
    'NO_IDENTITY',
    `subjectAltName=dirName:d\n[d]\nCN=a\\, ${WEB_1}`,
  ],
  ['with the identity behind a comma', 'NO_IDENTITY', `subjectAltName=@a\n[a]\nURI.1=a:b\\, ${WEB_1}`],
  ['with the identity as another kind of name', 'NO_IDENTITY', `subjectAltName=otherName:1.2.3.4;UTF8:${WEB_1}`],
  ['with a scheme in capitals', 'NO_IDENTITY', 'subjectAltName=URI:SPIFFE://c/server/web-1'],
  ['with a cluster in capitals', 'NO_IDENTITY', 'subjectAltName=URI:spiffe://C/server/web-1'],
  ['with a name in capitals', 'NO_IDENTITY', 'subjectAltName=URI:spiffe://c/server/Web-1'],
  ['with a letter as its number', 'NO_IDENTITY', 'subjectAltName=URI:spiffe://c/server/web%2d1'],
  ['with a slash at its end', 'NO_IDENTITY', `subjectAltName=${WEB_1}/`],
  ['with a query', 'NO_IDENTITY', `subjectAltName=${WEB_1}?pool=edge`],
  ['with a port', 'NO_IDENTITY', 'subjectAltName=URI:spiffe://c:1/server/web-1'],
  ['with a user before the cluster', 'NO_IDENTITY', 'subjectAltName=URI:spiffe://a@c/server/web-1'],
  ['without names', 'NO_IDENTITY', 'basicConstraints=CA:FALSE'],
];

it.for(ODD)('a certificate %s: %s', async ([, verdict, extensions], ctx) => {
  if (!hasOpenssl()) ctx.skip('there is no openssl');
  const { folder, knock } = await door();
  expect((await knock(leaf(folder, extensions))).verdict).toBe(verdict);
});

it('a certificate that another one has signed, which may not', async (ctx) => {
  if (!hasOpenssl()) ctx.skip('there is no openssl');
  const { folder, knock } = await door();
  for (const rights of ['CA:FALSE', 'CA:TRUE']) {
    const between = leaf(folder, `basicConstraints=critical,${rights}`);
    writeFileSync(join(folder, 'between.crt'), between.cert);
    writeFileSync(join(folder, 'between.key'), between.key);
    const { cert, key } = leaf(folder, `subjectAltName=${WEB_1}`, { by: 'between' });
    expect((await knock({ cert: cert + between.cert, key })).verdict).toBe('UNKNOWN_AUTHORITY');
  }
});

it('no session is taken up again: it would stand for a chain that was checked at another time', async () => {
  const { authority, knock } = await door();
  const { csrPem, keyPem: key } = await makeRequest();
  const identity = { clusterId: 'c', kind: 'server', name: 'web-1' } as const;
  const { certPem: cert } = await authority.sign({ csrPem, identity, nowMs: Date.now() });
  const first = await knock({ cert, key });
  expect(first.verdict).toBe('web-1');
  expect(first.session).toBeDefined();
  expect((await knock({ cert, key, session: first.session })).verdict).toBe('web-1');
});

it('an older TLS, and another protocol than is spoken here, end with the handshake', async () => {
  const { authority, knock } = await door();
  const { csrPem, keyPem: key } = await makeRequest();
  const identity = { clusterId: 'c', kind: 'server', name: 'web-1' } as const;
  const { certPem: cert } = await authority.sign({ csrPem, identity, nowMs: Date.now() });
  expect((await knock({ cert, key, maxVersion: 'TLSv1.2' })).verdict).toBe('HANDSHAKE_FAILED');
  expect((await knock({ cert, key, ALPNProtocols: ['http/1.1'] })).verdict).toBe('HANDSHAKE_FAILED');
});
