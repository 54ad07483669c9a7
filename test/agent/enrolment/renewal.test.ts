/** Renewal of what a host was given when it joined, over real sockets. */
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Renewal } from '../../../agent/enrolment/renewal.ts';
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
  readonly renewal: Renewal;
  readonly identity: TlsIdentity;
  readonly folder: string;
  readonly warnings: string[];
}

/** A host that joined long ago: of the 24 hours of its certificate `aged` are over. */
async function aged(
  name: string,
  { hours = 20, pool = '', controllers = [world.controller.agentAddress] } = {},
): Promise<Aged> {
  const life = { nowMs: Date.now() - hours * HOUR, lifeMs: DAY };
  const material = await world.certify('server', name, pool === '' ? life : { ...life, pool });
  const folder = join(world.folder, name);
  writeCertificateFolder(folder, material);
  writeFileSync(join(folder, 'join-token-id'), 'aaaaaaaaaa\n');
  const identity = new TlsIdentity(material);
  const warnings: string[] = [];
  const renewal = new Renewal({
    ...{ folder, controllers, lane: new DiskLane(folder, 5_000), lateness: 0 },
    tls: { identity, rule: { clusterId: world.clusterId, kinds: ['controller'] } },
    log: { info: () => undefined, warn: (_facts: unknown, text?: string) => void warnings.push(text ?? '') },
  });
  return { renewal, identity, folder, warnings };
}

describe('the certificate of a host that joined', () => {
  it('is renewed after two thirds of its life, with a new key, for the same name and pool', async () => {
    const { renewal, identity, folder } = await aged('web-1', { pool: 'edge' });
    const before = identity.material;
    expect(await renewal.look(renewal.dueMs - 1)).toBe(false);
    expect(await renewal.look(Date.now())).toBe(true);
    const { certPem, keyPem } = identity.material;
    expect(readCertificate(certPem).uris).toEqual(readCertificate(before.certPem).uris);
    expect(keyPem).not.toBe(before.keyPem);
    expect(readCertificate(certPem).notAfterMs).toBeGreaterThan(Date.now() + 29 * DAY);
    expect(await readCertificateFolder(folder)).toEqual(identity.material);
    expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'join-token-id', 'tls.crt', 'tls.key']);
    expect(statSync(join(folder, 'tls.key')).mode & 0o777).toBe(0o600);
    expect(await renewal.look(Date.now())).toBe(false);
  });

  it('is renewed while its stream goes on, and the next one shows the new', async () => {
    const { renewal, identity } = await aged('web-2');
    const dial = () => dialled(world.controller.agentAddress, identity.material, { clusterId: world.clusterId });
    const first = dial();
    await first.next();
    first.hello('web-2');
    await expect.poll(async () => (await first.next()).kind).toBe('received');
    expect(await renewal.look(Date.now())).toBe(true);
    first.beat(1);
    await expect.poll(async () => (await first.next()).kind).toBe('received');
    const second = dial();
    await second.next();
    second.hello('web-2');
    await expect.poll(async () => (await second.next()).kind).toBe('received');
  });

  it('is renewed by another controller when the first can not be reached', async () => {
    const { renewal } = await aged('web-3', { controllers: ['127.0.0.1:1', world.controller.agentAddress] });
    expect(await renewal.look(Date.now())).toBe(true);
  });

  it('stays when nobody can sign, and that is tried again 5 minutes later', async () => {
    const { renewal, identity, warnings } = await aged('web-4', { controllers: ['127.0.0.1:1'] });
    const { certPem } = identity.material;
    const now = Date.now();
    expect(await renewal.look(now)).toBe(false);
    expect(await renewal.look(now + 60_000)).toBe(false);
    expect(warnings).toHaveLength(1);
    expect(await renewal.look(now + 5 * 60_000)).toBe(false);
    expect(warnings).toHaveLength(2);
    expect(identity.material.certPem).toBe(certPem);
  });

  it('is not renewed once it was revoked', async () => {
    const { renewal, warnings } = await aged('web-5');
    await world.api.enrolment.revokeServer({ server: 'servers/web-5' });
    expect(await renewal.look(Date.now())).toBe(false);
    expect(warnings).toEqual([expect.stringContaining('the certificates of web-5 were revoked')]);
  });

  it('is left alone where other tools put it', async () => {
    const made = await aged('web-6');
    rmSync(join(made.folder, 'join-token-id'));
    expect(await made.renewal.look(Date.now())).toBe(false);
    expect(made.warnings).toEqual([]);
  });
});

it('many hosts renew at the same time, each its own', { timeout: 60_000 }, async () => {
  const hosts = await Promise.all(Array.from({ length: 30 }, (_, index) => aged(`many-${index}`)));
  expect(await Promise.all(hosts.map(({ renewal }) => renewal.look(Date.now())))).toEqual(hosts.map(() => true));
  const names = hosts.map(({ identity }) => readCertificate(identity.material.certPem).uris[0]);
  expect(new Set(names).size).toBe(30);
});
