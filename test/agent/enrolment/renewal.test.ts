/** Renewal of what a host was given when it joined, over real sockets. When it comes is tried in test/agent/core/renewal.test.ts. */
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RenewalOutcome } from '../../../agent/core/certificate.ts';
import { renewCertificate } from '../../../agent/enrolment/renewal.ts';
import { DiskLane } from '../../../shared/disk-lane.ts';
import { readCertificateFolder, writeCertificateFolder } from '../../../shared/pki/certificate-folder.ts';
import { readCertificate } from '../../../shared/pki/read-certificate.ts';
import { TlsIdentity } from '../../../shared/rpc/tls-identity.ts';
import { DAY, HOUR } from '../../../shared/time.ts';
import { dialled } from '../../controller/agents/dialled-agent.ts';
import { startTlsController, type TlsController } from './tls-controller.ts';

let world: TlsController;
beforeAll(async () => {
  world = await startTlsController();
});
afterAll(() => world.close());

interface Aged {
  /** Asks a controller; default: the one that is there. */
  readonly renew: (endpoint?: string) => Promise<RenewalOutcome>;
  readonly identity: TlsIdentity;
  readonly folder: string;
}

/** A host that joined long ago: of the 24 hours of its certificate 20 are over. */
async function aged(name: string, pool?: string): Promise<Aged> {
  const life = { nowMs: Date.now() - 20 * HOUR, lifeMs: DAY };
  const material = await world.certify('server', name, pool === undefined ? life : { ...life, pool });
  const folder = join(world.folder, name);
  await writeCertificateFolder(folder, material);
  writeFileSync(join(folder, 'join-token-id'), 'aaaaaaaaaa\n');
  const identity = new TlsIdentity(material);
  const tls = { identity, rule: { clusterId: world.clusterId, kinds: ['controller' as const] } };
  const options = { folder, tls, lane: new DiskLane(folder, 5_000) };
  const renew: Aged['renew'] = (endpoint = world.controller.agentAddress) => renewCertificate(endpoint, options);
  return { renew, identity, folder };
}

describe('the certificate of a host that joined', () => {
  it('is renewed with a new key, for the same name and pool', async () => {
    const { renew, identity, folder } = await aged('web-1', 'edge');
    const before = identity.material;
    const outcome = await renew();
    const { certPem, keyPem } = identity.material;
    const { uris, notBeforeMs, notAfterMs } = readCertificate(certPem);
    expect(outcome).toMatchObject({
      kind: 'RENEWED',
      certificate: { notBeforeWall: notBeforeMs, notAfterWall: notAfterMs },
    });
    expect(uris).toEqual(readCertificate(before.certPem).uris);
    expect(keyPem).not.toBe(before.keyPem);
    expect(notAfterMs).toBeGreaterThan(Date.now() + 29 * DAY);
    expect(await readCertificateFolder(folder)).toEqual(identity.material);
    expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'join-token-id', 'tls.crt', 'tls.key']);
    expect(statSync(join(folder, 'tls.key')).mode & 0o777).toBe(0o600);
  });

  it('is renewed while its stream goes on, and the next one shows the new', async () => {
    const { renew, identity } = await aged('web-2');
    const dial = () => dialled(world.controller.agentAddress, identity.material, { clusterId: world.clusterId });
    const first = dial();
    await first.next();
    first.hello('web-2');
    await expect.poll(async () => (await first.next()).kind).toBe('received');
    expect((await renew()).kind).toBe('RENEWED');
    first.beat(1);
    await expect.poll(async () => (await first.next()).kind).toBe('received');
    const second = dial();
    await second.next();
    second.hello('web-2');
    await expect.poll(async () => (await second.next()).kind).toBe('received');
  });

  it('stays when the controller can not be reached, which says where it was asked for', async () => {
    const { renew, identity, folder } = await aged('web-4');
    const before = identity.material;
    const outcome = await renew('127.0.0.1:1');
    expect(outcome).toMatchObject({ kind: 'FAILED', detail: expect.stringContaining('127.0.0.1:1: ') });
    expect(identity.material).toBe(before);
    expect(await readCertificateFolder(folder)).toEqual(before);
  });

  it('stays when the disk does not take the new one: what a restart would not find is not shown', async () => {
    const { renew, identity, folder } = await aged('web-7');
    const before = identity.material;
    // In the way of the draft of the new certificate.
    mkdirSync(join(folder, `tls.crt.new-${process.pid}`, 'x'), { recursive: true });
    expect((await renew()).kind).toBe('FAILED');
    expect(identity.material).toBe(before);
    expect(await readCertificateFolder(folder)).toMatchObject({ certPem: before.certPem, keyPem: before.keyPem });
  });

  it('is not renewed once it was revoked, and the reason says so', async () => {
    const { renew } = await aged('web-5');
    await world.api.enrolment.revokeServer({ server: 'servers/web-5' });
    expect(await renew()).toMatchObject({
      kind: 'REFUSED',
      reason: 'CERTIFICATE_REVOKED',
      detail: expect.stringContaining('the certificates of web-5 were revoked'),
    });
  });

  it('is not renewed as often as its server asks: the answer says when it may come again', async () => {
    const { renew } = await aged('web-8');
    for (let n = 0; n < 5; n += 1) expect((await renew()).kind).toBe('RENEWED');
    const refused = await renew();
    expect(refused).toMatchObject({ kind: 'REFUSED', reason: 'TOO_MANY_REQUESTS' });
    const { retryAfterMs = 0 } = refused.kind === 'REFUSED' ? refused : {};
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(10_000);
  });

  it('is left alone where other tools put it', async () => {
    const { renew, folder, identity } = await aged('web-6');
    const before = identity.material;
    rmSync(join(folder, 'join-token-id'));
    expect(await renew()).toEqual({ kind: 'FOREIGN' });
    expect(identity.material).toBe(before);
  });
});

/** Calls that a busy machine does not answer in time are made again, as agents do. */
async function insisted({ renew }: Aged): Promise<RenewalOutcome['kind']> {
  for (;;) {
    const { kind } = await renew();
    if (kind !== 'FAILED') return kind;
  }
}

it('many hosts renew at the same time, each its own', { timeout: 60_000 }, async () => {
  const hosts = await Promise.all(Array.from({ length: 30 }, (_, index) => aged(`many-${index}`)));
  const kinds = await Promise.all(hosts.map(insisted));
  expect(kinds).toEqual(hosts.map(() => 'RENEWED'));
  const names = hosts.map(({ identity }) => readCertificate(identity.material.certPem).uris[0]);
  expect(new Set(names).size).toBe(30);
});
