/** Joining, over real sockets: what a host with a pasted line gets, and who gets nothing. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadAgentSettings } from '../../../agent/config.ts';
import { joinedWhere } from '../../../agent/enrolment/joined-file.ts';
import { readCertificateFolder, writeCertificateFolder } from '../../../shared/pki/certificate-folder.ts';
import { readCertificate } from '../../../shared/pki/read-certificate.ts';
import { toDuration } from '../../../shared/rpc/time-messages.ts';
import { HOUR, MINUTE } from '../../../shared/time.ts';
import { startTlsController, type TlsController, whyNot } from './tls-controller.ts';

let world: TlsController;

beforeAll(async () => {
  world = await startTlsController();
});
afterAll(() => world.close());

const at = (...names: string[]): string => join(world.folder, ...names);

/** Events of a type, newest first. */
async function eventsOf(type: string): Promise<string[]> {
  const { events } = await world.api.events.listEvents({ type });
  return events.map(({ actor, message }) => `${actor}: ${message}`);
}

describe('a host with a token', () => {
  it('gets a certificate for its name alone, and all that its agent needs to start there', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/web-1' });
    const joined = await world.join(made, 'web-1');
    expect(joined).toMatchObject({ server: 'web-1', pool: 'default', controllers: [world.controller.agentAddress] });
    const { certPem } = await readCertificateFolder(at('web-1', 'tls'));
    expect(readCertificate(certPem).uris).toEqual([`spiffe://${world.clusterId}/server/web-1`]);
    const flags = { stateDirectory: at('web-1') };
    const known = await joinedWhere(at('web-1'));
    expect(loadAgentSettings({ flags, env: {}, joined: known })).toMatchObject({
      ...{ server: 'web-1', pool: 'default', controllers: joined.controllers, tlsDir: at('web-1', 'tls') },
    });
    // What is said to the agent goes before what it was told when it joined.
    const said = { ...flags, pool: 'edge' };
    expect(loadAgentSettings({ flags: said, env: {}, joined: known })).toMatchObject({ server: 'web-1', pool: 'edge' });
  });

  it('keeps its key to itself', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/web-2' });
    await world.join(made, 'web-2');
    const folder = at('web-2', 'tls');
    expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'join-token-id', 'tls.crt', 'tls.key']);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    for (const path of [folder, at('web-2')]) expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('is bound to the pool of its token', async () => {
    await world.api.pools.createPool({ pool: { name: 'pools/edge' } });
    const made = await world.api.enrolment.createJoinToken({ serverPattern: 'edge-*', pool: 'pools/edge' });
    expect(await whyNot(world.join(made, 'web-9'))).toBe('JOIN_TOKEN_MISMATCH');
    expect(await whyNot(world.join(made, 'edge-1', { pool: 'default' }))).toBe('JOIN_TOKEN_MISMATCH');
    expect(await world.join(made, 'edge-1')).toMatchObject({ pool: 'edge' });
    const { certPem } = await readCertificateFolder(at('edge-1', 'tls'));
    expect(readCertificate(certPem).uris).toEqual([`spiffe://${world.clusterId}/server/edge-1/pool/edge`]);
  });

  it('may paste its line again: nothing is done a second time, and a lost answer is given again', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/web-3' });
    await world.join(made, 'web-3');
    const first = await readCertificateFolder(at('web-3', 'tls'));
    expect(await world.join(made, 'web-3', { endpoints: ['127.0.0.1:1'] })).toMatchObject({ isOld: true });
    expect(await readCertificateFolder(at('web-3', 'tls'))).toEqual(first);

    // As it is when the answer was lost: the key is there, and nothing else.
    const [id = ''] = made.token.split('.');
    mkdirSync(at('again', 'tls'), { recursive: true });
    writeFileSync(at('again', 'tls', `joining-${id}.key`), first.keyPem, { mode: 0o600 });
    const again = { stateDir: at('again'), tlsDir: at('again', 'tls') };
    expect(await world.join(made, 'web-3', again)).toMatchObject({ isOld: false });
    expect((await readCertificateFolder(at('again', 'tls'))).keyPem).toBe(first.keyPem);
    expect(await eventsOf('JOIN_TOKEN_USED')).toContain(
      `agent:web-3: web-3 joins pool default from 127.0.0.1 with token ${id}, which ${made.joinToken?.creator} made`,
    );
  });

  it('makes another key for another token', async () => {
    await world.join(await world.api.enrolment.createJoinToken({ server: 'servers/web-4' }), 'web-4');
    const { keyPem } = await readCertificateFolder(at('web-4', 'tls'));
    await world.join(await world.api.enrolment.createJoinToken({ server: 'servers/web-4' }), 'web-4');
    expect((await readCertificateFolder(at('web-4', 'tls'))).keyPem).not.toBe(keyPem);
  });
});

describe('nobody gets a certificate', () => {
  it('with a token that another host has used, that was revoked, or that nobody made', async () => {
    const { enrolment } = world.api;
    const made = await enrolment.createJoinToken({ server: 'servers/db-1' });
    await world.join(made, 'db-1');
    expect(await whyNot(world.join(made, 'db-1', { stateDir: at('thief'), tlsDir: at('thief', 'tls') }))).toBe(
      'JOIN_TOKEN_USED',
    );
    const revoked = await enrolment.createJoinToken({ server: 'servers/db-2' });
    await enrolment.revokeJoinToken({ name: revoked.joinToken?.name ?? '' });
    expect(await whyNot(world.join(revoked, 'db-2'))).toBe('JOIN_TOKEN_REVOKED');
    const guessed = revoked.token.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
    expect(await whyNot(world.join({ ...revoked, token: guessed }, 'db-2'))).toBe('JOIN_TOKEN_UNKNOWN');
    expect(existsSync(at('db-2', 'tls', 'tls.crt'))).toBe(false);
  });

  it('by a pattern, under a name that somebody has', async () => {
    const made = await world.api.enrolment.createJoinToken({ serverPattern: '*' });
    expect(await whyNot(world.join(made, 'web-1', { stateDir: at('x'), tlsDir: at('x', 'tls') }))).toBe(
      'SERVER_NAME_TAKEN',
    );
  });

  it('for a server of which the folder is not', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/other' });
    const folder = { stateDir: at('taken'), tlsDir: at('taken', 'tls') };
    await writeCertificateFolder(folder.tlsDir, await world.certify('server', 'web-1'));
    expect(await whyNot(world.join(made, 'other', folder))).toBe('OTHER_IDENTITY');
  });

  it('for a request that is none, and the token stays good', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/db-3' });
    const bad = { token: made.token, server: 'servers/db-3', certificateRequest: new Uint8Array([1, 2, 3]) };
    await expect(world.api.enrolment.join(bad)).rejects.toThrow(/certificate_request: it is no PKCS#10/);
    expect(await world.join(made, 'db-3')).toMatchObject({ server: 'db-3' });
  });
});

describe('a host sends its token to nobody else', () => {
  /** Counts what comes, and answers as the controller does. */
  async function between(): Promise<{ readonly endpoint: string; readonly seen: Socket[] }> {
    const seen: Socket[] = [];
    const server = createServer((socket) => void seen.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const socket of seen) socket.destroy();
      server.close();
    });
    const address = server.address();
    return { endpoint: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, seen };
  }

  it('than the authority that the line names, by a clear word for each other one', async () => {
    const other = await startTlsController();
    onTestFinished(() => other.close());
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/app-1' });
    const endpoints = [other.controller.apiAddress];
    expect(await whyNot(world.join(made, 'app-1', { endpoints }))).toBe('WRONG_CA');
    const caHashes = [`sha256:${createHash('sha256').update('x').digest('hex')}`];
    expect(await whyNot(world.join(made, 'app-1', { caHashes }))).toBe('WRONG_CA');
    expect(await whyNot(world.join(made, 'app-1', { caHashes: ['sha256:12'] }))).toBe('BAD_CA_HASH');
    expect(await whyNot(world.join(made, 'app-1', { token: 'nonsense' }))).toBe('BAD_TOKEN');
    const { joinTokens } = await world.api.enrolment.listJoinTokens({});
    expect(joinTokens.find(({ name }) => name === made.joinToken?.name)?.usedBy).toBe('');
  });

  it('and tries the next controller when one can not be reached', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/app-2' });
    expect(await whyNot(world.join(made, 'app-2', { endpoints: ['127.0.0.1:1'] }))).toBe('UNREACHABLE');
    const endpoints = ['127.0.0.1:1', ...made.endpoints];
    expect(await world.join(made, 'app-2', { endpoints })).toMatchObject({ server: 'app-2' });
  });

  it('and says so when the clocks differ', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/app-3' });
    for (const apartMs of [-HOUR, HOUR]) {
      const joining = world.join(made, 'app-3', { nowMs: () => Date.now() + apartMs });
      await expect(joining).rejects.toThrow(apartMs < 0 ? /60 min behind/ : /60 min before/);
    }
    expect(await world.join(made, 'app-3', { nowMs: () => Date.now() + MINUTE })).toMatchObject({ server: 'app-3' });
  });

  it('and not in plaintext', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/app-4' });
    const { endpoint, seen } = await between();
    const joining = whyNot(world.join(made, 'app-4', { endpoints: [endpoint] }));
    await expect.poll(() => seen.length).toBe(1);
    const [socket] = seen;
    socket?.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await joining).toBe('NO_TLS');
  });
});

describe('join tokens', () => {
  it('are listed newest first, page by page, without what proves that somebody has one', async () => {
    const made = await world.api.enrolment.createJoinToken({ server: 'servers/l-1', ttl: toDuration(5 * MINUTE) });
    const { joinTokens, nextPageToken } = await world.api.enrolment.listJoinTokens({ pageSize: 1 });
    expect(joinTokens).toEqual([made.joinToken]);
    const rest = await world.api.enrolment.listJoinTokens({ pageToken: nextPageToken, pageSize: 1 });
    expect(rest.joinTokens).toHaveLength(1);
    expect(rest.joinTokens[0]?.name).not.toBe(made.joinToken?.name);
    const secret = made.token.split('.')[1] ?? '';
    const { entries } = await world.api.audit.listAuditEntries({});
    const all = [await world.api.enrolment.listJoinTokens({}), await world.api.events.listEvents({}), entries];
    expect(JSON.stringify(all, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      secret,
    );
  });

  it('show their secret once: a repeated call makes no second token, and has none', async () => {
    const request = { server: 'servers/l-2', requestId: 'once' };
    const first = await world.api.enrolment.createJoinToken(request);
    const again = await world.api.enrolment.createJoinToken(request);
    expect(first.token).not.toBe('');
    expect(again).toMatchObject({ token: '', joinToken: first.joinToken });
  });

  it('say whom they are for, and that clearly', async () => {
    const { enrolment } = world.api;
    await expect(enrolment.createJoinToken({})).rejects.toThrow(/say whom the token is for/);
    const both = { server: 'servers/a', serverPattern: 'a-*' };
    await expect(enrolment.createJoinToken(both)).rejects.toThrow(/goes without server/);
    await expect(enrolment.createJoinToken({ pool: 'pools/none' })).rejects.toThrow(/pools\/none does not exist/);
  });
});

it('whoever shows no certificate is answered on joining and health alone', async () => {
  const ask = (path: string, body?: string) => curl(`https://${world.controller.apiAddress}${path}`, body);
  expect(await ask('/readyz')).toBe('200');
  expect(await ask('/metrics')).toBe('401');
  expect(await ask('/locum.v1.ServerService/ListServers', '{}')).toBe('401');
  expect(await ask('/locum.v1.EnrolmentService/ListJoinTokens', '{}')).toBe('401');
  expect(await ask('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', '{}')).toBe('401');
  expect(await ask('/locum.v1.EnrolmentService/GetRoots', '{}')).toBe('200');
});

/** HTTP status of a request without a certificate. */
async function curl(url: string, body?: string): Promise<string> {
  const { request } = await import('node:https');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const asked = request(
    url,
    { method: body === undefined ? 'GET' : 'POST', headers, rejectUnauthorized: false },
    (response) => {
      response.resume();
      resolve(String(response.statusCode));
    },
  );
  asked.once('error', reject);
  asked.end(body);
  return promise;
}
