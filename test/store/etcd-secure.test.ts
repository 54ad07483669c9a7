/** TLS and logins, on a member that insists on both. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import * as grpc from '@grpc/grpc-js';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { restore } from '../../cli/snapshot/restore.ts';
import { EtcdClient } from '../../controller/store/etcd/client.ts';
import { versionWarning } from '../../controller/store/etcd/support.ts';
import { openStore } from '../../controller/store/open.ts';
import type { Store } from '../../controller/store/store.ts';
import { Maintenance } from '../../shared/gen/etcdserverpb/rpc_pb.ts';
import { snapshotOfNewLeader } from '../controller/new-leader.ts';
import { EtcdCluster, etcdMissing } from './etcd-cluster.ts';
import { run, testFolder } from './sqlite-folder.ts';
import { contents, elect, put } from './store-world.ts';

interface Secure {
  /** Where the certificates are. */
  readonly folder: string;
  readonly endpoint: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

let missing: string | undefined;

beforeAll(() => {
  const noOpenssl = run('openssl', 'version');
  missing = etcdMissing() ?? (noOpenssl === undefined ? undefined : `certificates need openssl (${noOpenssl})`);
});

/** An authority, and a certificate of it for localhost that is good for both ends. */
function makeCertificates(folder: string): Secure['tls'] {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const short = ['-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=test'];
  openssl('req', '-x509', ...short, '-days', '1', '-keyout', 'ca.key', '-out', 'ca.pem');
  writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n');
  openssl('req', ...short, '-keyout', 'own.key', '-out', 'own.csr');
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'ext'];
  openssl('x509', '-req', '-in', 'own.csr', ...signing, '-days', '1', '-out', 'own.pem');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { ca: read('ca.pem'), cert: read('own.pem'), key: read('own.key') };
}

async function startSecure(...more: readonly string[]): Promise<Secure> {
  const folder = testFolder();
  const tls = makeCertificates(folder);
  const files = ['--cert-file', join(folder, 'own.pem'), '--key-file', join(folder, 'own.key')];
  const clients = ['--client-cert-auth', '--trusted-ca-file', join(folder, 'ca.pem')];
  const cluster = await EtcdCluster.launch({
    members: 1,
    args: [...files, ...clients, ...more],
    clientScheme: 'https',
  });
  onTestFinished(() => cluster.stop());
  return { folder, endpoint: cluster.endpoints[0]?.replace('127.0.0.1', 'localhost') ?? '', tls };
}

async function open({ endpoint, tls }: Partial<Secure>, login?: { user: string; password: string }): Promise<Store> {
  const etcd = { electionTtlMs: 2_000, ...(tls && { tls }), ...(login && { login }) };
  const store = await openStore(`etcd://${endpoint}/team/locum`, { etcd });
  onTestFinished(() => store.close());
  return store;
}

async function leadsAndWrites(store: Store): Promise<string[]> {
  const leader = await elect(store);
  await leader.commit(put('a', '1'));
  const { revision } = await store.load();
  const next = store.watch(revision, new AbortController().signal)[Symbol.asyncIterator]().next();
  await leader.commit(put('b', '2'));
  expect((await next).value?.writes).toHaveLength(1);
  return contents(await store.load());
}

/** A request of etcd's Auth service that Locum itself never sends; its fields are texts. */
function administer({ endpoint, tls }: Secure, method: string, ...fields: readonly string[]): Promise<void> {
  const [ca, key, cert] = [tls.ca, tls.key, tls.cert].map((pem) => Buffer.from(pem));
  const client = new grpc.Client(endpoint, grpc.credentials.createSsl(ca, key, cert));
  const writer = new BinaryWriter();
  for (const [i, field] of fields.entries()) writer.tag(i + 1, 2).string(field);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = Buffer.from(writer.finish());
  const same = (bytes: Buffer): Buffer => bytes;
  client.makeUnaryRequest(`/etcdserverpb.Auth/${method}`, same, same, request, (error) => {
    client.close();
    if (error === null) resolve();
    else reject(error);
  });
  return promise;
}

test('a member that wants certificates gets them; one without is refused', async (ctx) => {
  if (missing !== undefined) ctx.skip(missing);
  const secure = await startSecure();
  expect(await leadsAndWrites(await open(secure))).toEqual(['a=1', 'b=2']);
  const without = open({ endpoint: secure.endpoint });
  await expect(without).rejects.toMatchObject({ name: 'StoreError', reason: 'STORE_UNAVAILABLE' });
}, 60_000);

test('a snapshot is restored with the configuration of the controllers that will use the store', async (ctx) => {
  if (missing !== undefined) ctx.skip(missing);
  const { endpoint, tls, folder } = await startSecure();
  const [caFile, certFile, keyFile] = ['ca.pem', 'own.pem', 'own.key'].map((name) => join(folder, name));
  const config = join(folder, 'controller.yaml');
  const store = `etcd://${endpoint}/team/restored`;
  writeFileSync(config, JSON.stringify({ store, etcd: { caFile, certFile, keyFile } }));
  const snapshot = join(folder, 'one.snap');
  writeFileSync(snapshot, await snapshotOfNewLeader());
  await restore(snapshot, { config });
  const restored = await openStore(store, { etcd: { tls } });
  onTestFinished(() => restored.close());
  expect(await restored.identity()).toEqual({ clusterId: 'c-1', incarnation: 2 });
  expect((await restored.load()).records.length).toBeGreaterThan(0);
  await expect(restore(snapshot, {})).rejects.toThrow('--store, or --config');
}, 60_000);

test('a member that wants a login gets one, also after its token ended; a wrong one is refused in words', async (ctx) => {
  if (missing !== undefined) ctx.skip(missing);
  const secure = await startSecure('--auth-token-ttl', '1');
  await open(secure);
  await administer(secure, 'UserAdd', 'root', 'secret');
  await administer(secure, 'RoleAdd', 'root');
  await administer(secure, 'UserGrantRole', 'root', 'root');
  await administer(secure, 'AuthEnable');

  const store = await open(secure, { user: 'root', password: 'secret' });
  expect(await leadsAndWrites(store)).toEqual(['a=1', 'b=2']);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(contents(await store.load())).toEqual(['a=1', 'b=2']);
  const wrong = open(secure, { user: 'root', password: 'guess' });
  await expect(wrong).rejects.toMatchObject({
    name: 'StoreError',
    reason: 'STORE_UNAVAILABLE',
    message: expect.stringMatching(/authentication failed/),
  });
}, 60_000);

test('an etcd too old for production is used, with a warning; a current one without', async (ctx) => {
  if (missing !== undefined) ctx.skip(missing);
  const cluster = await EtcdCluster.start({ members: 1 });
  onTestFinished(() => cluster.stop());
  const client = new EtcdClient(cluster.endpoints, {});
  const { version } = await client.read(Maintenance.method.status, {});
  client.close();
  const warnings: string[] = [];
  const store = await openStore(`etcd://${cluster.endpoints[0]}`, { warn: (warning) => warnings.push(warning) });
  await store.close();
  // Which of the two it is depends on the etcd of this machine.
  expect(warnings).toEqual([versionWarning(cluster.endpoints[0] ?? '', version)].filter((warning) => warning));
}, 60_000);
