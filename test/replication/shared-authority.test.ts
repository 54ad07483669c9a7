/** Two controllers on etcd that share the key of an authority as a file: one below a root of somebody else's PKI, changed for one of ours. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { present } from '../../shared/assert.ts';
import { makeRequest, requestToDer } from '../../shared/pki/key-pair.ts';
import { rootsIn } from '../../shared/pki/roots.ts';
import { runLocum } from '../e2e/locum-command.ts';
import { makeForeignPki } from '../pki/foreign-pki.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { TlsCluster } from './tls-cluster.ts';

const TIMEOUT_MS = 180_000;
const IDS = ['c1', 'c2'];

let made: TlsCluster | undefined;
const cluster = (): TlsCluster => present(made, 'a cluster');

beforeAll(async () => {
  if (etcdMissing() !== undefined) return;
  const pki = await makeForeignPki();
  made = await TlsCluster.start(IDS, (folder, id) => {
    mkdirSync(`${folder}/etc-${id}`);
    writeFileSync(`${folder}/etc-${id}/ca.crt`, pki.chainPem);
    writeFileSync(`${folder}/etc-${id}/ca.key`, pki.keyPem, { mode: 0o600 });
    writeFileSync(`${folder}/root.crt`, pki.rootPem);
    return `tls: { ca_file: ${folder}/etc-${id}/ca.crt, ca_key_file: ${folder}/etc-${id}/ca.key }\n`;
  });
}, TIMEOUT_MS);
afterAll(() => made?.close(), TIMEOUT_MS);
beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

const alive = (server: string): Promise<true> =>
  cluster().until(`${server} is there`, async () =>
    new RegExp(`${server} .*ALIVE`).test(await cluster().locum('server', 'list')) ? true : undefined,
  );

/** Joins as a host that calls from this address of loopback, on which no controller is. Resolves with the status of HTTP. */
async function joinFrom(localAddress: string, id: string, asked: Readonly<Record<string, string>>): Promise<number> {
  const { csrPem } = await makeRequest();
  const certificateRequest = Buffer.from(requestToDer(csrPem)).toString('base64');
  const url = `https://${cluster().apiOf(id)}/locum.v1.EnrolmentService/Join`;
  const headers = { 'content-type': 'application/json' };
  const ca = readFileSync(cluster().at('root.crt'));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  request(url, { method: 'POST', localAddress, ca, headers }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  })
    .once('error', reject)
    .end(JSON.stringify({ ...asked, certificateRequest }));
  return promise;
}

describe('two controllers with an authority below the root of another PKI', () => {
  it('are known by that root alone: by a command, and by a host that joins with its hash', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const known = ['--ca-file', cluster().at('root.crt'), '--token-file', cluster().at('c1', 'admin.token')];
    const asked = await runLocum(cluster().apiOf('c1'), ['pki', 'status', ...known]);
    expect(asked.stderr).toBe('');
    const line = await cluster().joinLine('web-1');
    const [intermediate, root] = line.match(/--ca-hash \S+/g) ?? [];
    expect(root).toBeDefined();
    await cluster().join('web-1', line.replace(`${intermediate} `, ''));
    cluster().startAgent('web-1');
    await alive('web-1');
    expect(rootsIn(readFileSync(cluster().at('web-1', 'tls', 'tls.crt'), 'utf8'))).toHaveLength(2);
  });

  it('say from which address a host joined, whichever of them it asked', { timeout: TIMEOUT_MS }, async () => {
    const ways: string[] = [];
    for (const [index, id] of IDS.entries()) {
      const [server, from] = [`db-${index}`, `127.0.0.${index + 20}`];
      const token = /--token (\S+)/.exec(await cluster().joinLine(server))?.[1] ?? '';
      expect(await joinFrom(from, id, { token, server: `servers/${server}` })).toBe(200);
      const events = await cluster().locum('events', '--type', 'JOIN_TOKEN_USED', '-o', 'json');
      const [, via = ''] = new RegExp(`${server} joins pool default from ${from}( via c\\d)? with token`).exec(
        events,
      ) ?? ['', '?'];
      ways.push(via);
      expect(await cluster().locum('token', 'list')).toMatch(new RegExp(`USED +${server} +${from}${via} `));
    }
    // One of them leads.
    expect(ways.filter((via) => via === '')).toHaveLength(1);
    expect(IDS.map((id) => ` via ${id}`)).toEqual(expect.arrayContaining(ways.filter((via) => via !== '')));
  });

  it('change it for a root that is given them as a file, and start again with the files that they had', {
    timeout: TIMEOUT_MS,
  }, async () => {
    expect(await cluster().refusal('pki', 'rotate', 'begin')).toMatch(/locum pki new-root/);
    await cluster().locum('pki', 'new-root', cluster().at('new'));
    await cluster().locum('pki', 'rotate', 'begin', '--certificate', cluster().at('new', 'ca.crt'));
    // Each of them says so in a moment of its own.
    await cluster().pkiStatus('both miss the key', (said) =>
      IDS.every((id) => new RegExp(`controllers/${id} +does not have the key`).test(said)),
    );
    expect(await cluster().refusal('pki', 'rotate', 'switch', '--force', '--yes')).toMatch(
      /controllers\/c1 does not have the key of the new root.*AUTHORITY_IN_USE/,
    );
    for (const id of IDS) {
      const file = cluster().at(`etc-${id}`, 'ca.key');
      writeFileSync(file, readFileSync(file, 'utf8') + readFileSync(cluster().at('new', 'ca.key'), 'utf8'));
    }
    await cluster().pkiStatus('all have it', (said) => /^all 3 are ready/m.test(said));
    await cluster().locum('pki', 'rotate', 'switch', '--yes');
    await cluster().pkiStatus('all have certificates of it', (said) => /^all 3 are ready/m.test(said));
    await cluster().locum('pki', 'rotate', 'finish', '--yes');
    for (const id of IDS) {
      await cluster().stop(id);
      cluster().startController(id);
      await cluster().ready(id);
    }
    await alive('web-1');
    copyFileSync(cluster().at('new', 'ca.crt'), cluster().at('known.crt'));
    const known = ['--ca-file', cluster().at('known.crt'), '--token-file', cluster().at('c2', 'admin.token')];
    expect((await runLocum(cluster().apiOf('c2'), ['pki', 'status', ...known])).stdout).toMatch(
      /^no change is under way/,
    );
  });
});
