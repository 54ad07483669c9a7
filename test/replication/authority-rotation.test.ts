/** The certificate authority of two controllers on etcd is changed under running policies, with its key in the store, wrapped. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { USED_TOKEN } from '../../agent/enrolment/joined-file.ts';
import { authorityIn } from '../../controller/access/stored-authority.ts';
import { openStore } from '../../controller/store/open.ts';
import { LOCAL_TOKEN_FILE } from '../../shared/access/local-files.ts';
import { present } from '../../shared/assert.ts';
import { rootsIn } from '../../shared/pki/roots.ts';
import { newWrappingKey, WrappingKeys } from '../../shared/pki/wrapping-key.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { TlsCluster } from './tls-cluster.ts';

const TIMEOUT_MS = 180_000;
const SERVERS = ['web-1', 'web-2', 'web-3'];

let made: TlsCluster | undefined;
const cluster = (): TlsCluster => present(made, 'a cluster');

/** Where the policy runs, as what, with which epoch. */
async function running(): Promise<string> {
  const { runs = [] } = JSON.parse(await cluster().locum('run', 'list', '-o', 'json')) as {
    readonly runs?: readonly { readonly name: string; readonly attempts: readonly Attempt[]; readonly state: string }[];
  };
  const [run] = runs;
  const attempt = run?.attempts.at(-1);
  if (attempt === undefined || attempt.pid === 0) throw new Error('it does not run yet');
  return `${run?.name} ${attempt.epoch} ${attempt.pid} on ${attempt.server}`;
}

interface Attempt {
  readonly epoch: string;
  readonly pid: number;
  readonly server: string;
}

async function alive(...servers: readonly string[]): Promise<void> {
  await cluster().until(`${servers.join(', ')} are there`, async () => {
    const listed = await cluster().locum('server', 'list');
    return servers.every((server) => new RegExp(`${server} .*ALIVE`).test(listed)) ? true : undefined;
  });
}

async function leader(): Promise<string> {
  return cluster().until('somebody leads', async () => /^leader:\s+(\S+)/m.exec(await cluster().locum('status'))?.[1]);
}

beforeAll(async () => {
  if (etcdMissing() !== undefined) return;
  const key = newWrappingKey();
  made = await TlsCluster.start(['c1', 'c2'], (folder, id) => {
    writeFileSync(`${folder}/${id}.wrapping`, key, { mode: 0o600 });
    return `tls: { wrapping_key_file: ${folder}/${id}.wrapping }\n`;
  });
  for (const server of SERVERS) {
    await made.join(server);
    made.startAgent(server);
  }
  await alive(...SERVERS);
  writeFileSync(
    made.at('policy.yaml'),
    'name: policies/steady\nservers: [servers/web-1]\nworkload: { command: { argv: [sleep, "100000"] }, env: { DB_PASSWORD: hunter2-and-more } }\n',
  );
  await made.locum('policy', 'apply', '-f', made.at('policy.yaml'));
}, TIMEOUT_MS);
afterAll(() => made?.close(), TIMEOUT_MS);
beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

describe('two controllers on etcd with the key of their authority in the store', () => {
  it('have one authority, whose key is nowhere to be read', { timeout: TIMEOUT_MS }, async () => {
    const store = await openStore(`etcd://${cluster().etcd.endpoints.join(',')}/locum`);
    const { clusterId } = await store.identity();
    const { records } = await store.load();
    await store.close();
    const [root] = present(authorityIn(records), 'the authority is in the store').roots;
    const wrapped = present(root.wrapped, 'its key is there');
    const keyPem = present(
      WrappingKeys.read(cluster().at('c1.wrapping')).unwrap(wrapped, { clusterId, root: root.hash }),
      'it opens',
    );
    const [, body = ''] = keyPem.split('\n');
    expect(body.length).toBeGreaterThan(60);
    await cluster().locum('snapshot', 'save', cluster().at('all.snap'));
    await cluster().locum('debug', 'bundle', cluster().at('bundle.tar.gz'));
    const dump = Buffer.concat(records.map(({ value }) => Buffer.from(value)));
    const secret = [body, Buffer.from(body, 'base64')];
    const where = cluster()
      .texts()
      .filter((path) => !path.includes('/tls/') && !path.includes('/pki/own/'));
    const found = where.filter((path) => secret.some((one) => readFileSync(path).includes(one)));
    expect(secret.some((one) => dump.includes(one))).toBe(false);
    expect(found).toEqual([]);
    expect(where.length).toBeGreaterThan(8);
  });

  it('put no secret into a debug bundle, in whichever of its files', { timeout: TIMEOUT_MS }, async () => {
    const store = await openStore(`etcd://${cluster().etcd.endpoints.join(',')}/locum`);
    const { records } = await store.load();
    await store.close();
    const wrapped = present(present(authorityIn(records), 'an authority').roots[0].wrapped, 'its key');
    const [, joinToken = ''] = /--token (\S+)/.exec(await cluster().joinLine('web-9')) ?? [];
    const token = (await cluster().locum('auth', 'token', 'create', 'bot', '--role', 'viewer')).trim();
    const file = cluster().at('searched.tar.gz');
    await cluster().locum('debug', 'bundle', file);
    mkdirSync(cluster().at('unpacked'));
    expect(spawnSync('tar', ['-xzf', file, '-C', cluster().at('unpacked')]).status).toBe(0);
    const files = cluster().texts(cluster().at('unpacked'));
    expect(files.map((path) => basename(path))).toContain('policies.json');
    const secrets: Readonly<Record<string, string>> = {
      'the key of the authority, wrapped': Buffer.from(wrapped.data).toString('base64'),
      'the wrapping key': readFileSync(cluster().at('c1.wrapping'), 'utf8').trim(),
      'the token of the administrator': readFileSync(cluster().at('c1', LOCAL_TOKEN_FILE), 'utf8').trim(),
      'a join token': present(joinToken.split('.')[1], 'a secret'),
      'a token': token,
      'the environment of a policy': 'hunter2-and-more',
    };
    const holding = (secret: string): readonly string[] => {
      const text = Buffer.from(secret);
      const forms = [text, Buffer.from(secret, 'base64'), Buffer.from(text.toString('base64'))];
      return files.filter((path) => forms.some((form) => readFileSync(path).includes(form)));
    };
    expect(holding('policies/steady')).not.toEqual([]);
    for (const [what, secret] of Object.entries(secrets)) {
      expect(secret.length, what).toBeGreaterThan(8);
      expect(holding(secret), what).toEqual([]);
    }
  });

  it('change it step by step: nothing stops, a leader dies in between, and who was away the whole time is told what to do', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const before = await cluster().until('the policy runs', running);
    const oldLine = await cluster().joinLine('web-4');
    await cluster().stop('web-3');
    // Whose certificate others renew: they do not.
    await cluster().join('web-6');
    rmSync(cluster().at('web-6', 'tls', USED_TOKEN));
    cluster().startAgent('web-6');
    await alive('web-6');
    await cluster().locum('pki', 'rotate', 'begin');
    await cluster().pkiStatus('all that are there trust it', (said) =>
      /^4 are ready[\s\S]*servers\/web-3 /m.test(said),
    );
    const dead = await leader();
    cluster().admin = dead === 'c1' ? 'c2' : 'c1';
    await cluster().kill(dead);
    expect(await leader()).toBe(cluster().admin);
    expect(await cluster().locum('pki', 'status')).toMatch(/^two roots are trusted, the old one signs/);
    cluster().startController(dead);
    await cluster().ready(dead);
    await cluster().until('the controllers are ready', () =>
      cluster().locum('pki', 'rotate', 'switch', '--force', '--yes'),
    );

    // Controllers show the new root, and the line has the hash of the old one.
    await cluster().join('web-4', oldLine);
    cluster().startAgent('web-4');
    await cluster().pkiStatus('they have certificates of it', (said) =>
      /^5 are ready[\s\S]*servers\/web-3 /m.test(said),
    );
    expect(await cluster().refusal('pki', 'rotate', 'finish', '--yes')).toMatch(
      /servers\/web-3 does not trust the new root \(it is away\).*AUTHORITY_IN_USE/,
    );
    expect(await cluster().locum('pki', 'rotate', 'finish', '--force', '--yes')).toMatch(/left behind: servers\/web-3/);
    await cluster().until('streams of the old root end', async () =>
      ['web-1', 'web-2', 'web-6'].every((name) => /UNKNOWN_AUTHORITY.*session closed/.test(cluster().log(name)))
        ? true
        : undefined,
    );
    await cluster().until('it is told of the one that has no other certificate', async () => {
      const told = await cluster().locum('events', '--type', 'ENTRY_REFUSED');
      return /an agent was refused for UNKNOWN_AUTHORITY: servers\/web-6/.test(told) ? told : undefined;
    });
    await alive('web-1', 'web-2', 'web-4');
    await cluster().until('all trust the new root alone', async () => {
      const roots = ['web-1', 'web-2', 'web-4'].map((name) =>
        readFileSync(cluster().at(name, 'tls', 'ca.crt'), 'utf8'),
      );
      return roots.every((text) => rootsIn(text).length === 1) ? true : undefined;
    });
    expect(await running()).toBe(before);

    cluster().startAgent('web-3');
    await cluster().until('web-3 says what to do', async () =>
      cluster().log('web-3').includes('let it join anew') ? true : undefined,
    );
    await cluster().stop('web-3');
    await cluster().join('web-3');
    cluster().startAgent('web-3');
    await alive('web-3');
    expect(await running()).toBe(before);
  });

  it('wrap it with another key once both have that, and go on without any for a while', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const before = await running();
    const key = newWrappingKey();
    for (const id of ['c1', 'c2']) {
      const file = cluster().at(`${id}.wrapping`);
      writeFileSync(file, key + readFileSync(file, 'utf8'));
    }
    await cluster().until('it is wrapped anew', async () =>
      /AUTHORITY_REWRAPPED/.test(await cluster().locum('events')) ? true : undefined,
    );
    for (const id of ['c1', 'c2']) writeFileSync(cluster().at(`${id}.wrapping`), key);
    const { admin } = cluster();
    const other = admin === 'c1' ? 'c2' : 'c1';
    await cluster().stop(other);
    writeFileSync(cluster().at(`${other}.wrapping`), newWrappingKey());
    cluster().startController(other);
    await cluster().ready(other);
    await cluster().stop(admin);
    cluster().admin = other;
    expect(await leader()).toBe(other);
    expect(await cluster().locum('status')).toMatch(/AUTHORITY_KEY_MISSING/);
    expect(await running()).toBe(before);
    writeFileSync(cluster().at(`${other}.wrapping`), key);
    await cluster().until('it signs again', () =>
      cluster()
        .join('web-5')
        .then(() => true as const),
    );
  });
});
