import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DiskLane } from '../../shared/disk-lane.ts';
import { Authority, makeAuthority } from '../../shared/pki/authority.ts';
import {
  followCertificateFolder,
  identityIn,
  readCertificateFolder,
  writeCertificateFolder,
} from '../../shared/pki/certificate-folder.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import { ExposedFileError } from '../../shared/pki/private-file.ts';
import type { TlsMaterial } from '../../shared/rpc/tls-identity.ts';
import { testFolder } from '../store/sqlite-folder.ts';

let authority: Authority;

async function material(): Promise<TlsMaterial> {
  const { csrPem, keyPem } = await makeRequest();
  const identity = { clusterId: 'c', kind: 'server', name: 'web-1' } as const;
  const { certPem } = await authority.sign({ csrPem, identity, nowMs: Date.now() });
  return { certPem, keyPem, rootsPem: authority.certPem };
}

beforeEach(async () => {
  authority = await Authority.open(await makeAuthority('c', Date.now()));
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('a folder without a certificate is no certificate, and one that all can read is refused', async () => {
  const folder = testFolder();
  expect(await identityIn(folder)).toBeUndefined();
  await writeCertificateFolder(folder, await material());
  chmodSync(join(folder, 'tls.key'), 0o644);
  await expect(identityIn(folder)).rejects.toThrow(ExposedFileError);
});

it('what others can change is not believed: the folder, or the roots in it', async () => {
  const folder = testFolder();
  chmodSync(folder, 0o777);
  await expect(identityIn(folder)).rejects.toThrow(ExposedFileError);
  // As secrets are mounted: nobody can take away what is another's.
  chmodSync(folder, 0o1777);
  await writeCertificateFolder(folder, await material());
  expect(await identityIn(folder)).toBeDefined();
  chmodSync(join(folder, 'ca.crt'), 0o666);
  await expect(identityIn(folder)).rejects.toThrow(/ca\.crt can be changed by all users .*chmod o-w/);
});

it('a certificate that is replaced is there with its key, old or new, wherever that was cut short', async () => {
  const folder = testFolder();
  const [first, second, third, fourth] = await Promise.all([material(), material(), material(), material()]);
  await writeCertificateFolder(folder, first);
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
  put('tls.key.next', second.keyPem);
  expect(await readCertificateFolder(folder)).toEqual(first);
  put('tls.crt', second.certPem);
  expect(await readCertificateFolder(folder)).toEqual(second);
  expect((await identityIn(folder))?.material).toEqual(second);
  // The next one begins there, and stops before its certificate is written.
  mkdirSync(join(folder, `tls.crt.new-${process.pid}`, 'in-the-way'), { recursive: true });
  await expect(writeCertificateFolder(folder, third)).rejects.toThrow('tls.crt.new-');
  expect(await readCertificateFolder(folder)).toEqual(second);
  rmSync(join(folder, `tls.crt.new-${process.pid}`), { recursive: true });
  await writeCertificateFolder(folder, fourth);
  expect(await readCertificateFolder(folder)).toEqual(fourth);
  expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
});

it('a folder that is written again is never left without the key of the certificate that is in it', async () => {
  const folder = testFolder();
  const [first, second] = await Promise.all([material(), material()]);
  await writeCertificateFolder(folder, first);
  // It stops before the certificate is written.
  mkdirSync(join(folder, `tls.crt.new-${process.pid}`, 'in-the-way'), { recursive: true });
  await expect(writeCertificateFolder(folder, second)).rejects.toThrow('tls.crt.new-');
  expect((await identityIn(folder))?.material).toEqual(first);
});

it('a first certificate counts from when it is written, also where the name of its key was not given yet', async () => {
  const folder = testFolder();
  const first = await material();
  await writeCertificateFolder(folder, first);
  renameSync(join(folder, 'tls.key'), join(folder, 'tls.key.next'));
  expect((await identityIn(folder))?.material).toEqual(first);
});

it('new files are taken over; of files that do not fit together none is, and the reason is told', async () => {
  const folder = join(testFolder(), 'tls');
  const [first, second] = [await material(), await material()];
  await writeCertificateFolder(folder, first);
  const identity = await identityIn(folder);
  expect(identity?.material).toEqual(first);
  if (identity === undefined) return;
  const told: Array<string | undefined> = [];
  let wake = (): void => undefined;
  const tell = (problem: string | undefined): void => {
    told.push(problem);
    wake();
  };
  const toldNext = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const over = new AbortController();
  followCertificateFolder(folder, identity, { lane: new DiskLane('test', 5_000), tell, signal: over.signal });
  writeFileSync(join(folder, 'tls.crt'), second.certPem);
  let next = toldNext();
  vi.advanceTimersByTime(60_000);
  await next;
  expect(told).toEqual([expect.stringContaining('not that of the certificate')]);
  expect(identity.material).toEqual(first);
  writeFileSync(join(folder, 'tls.key'), second.keyPem);
  next = toldNext();
  vi.advanceTimersByTime(60_000);
  await next;
  expect(told.at(-1)).toBeUndefined();
  expect(identity.material).toEqual(second);
  expect(await readCertificateFolder(folder)).toEqual(second);
  over.abort();
});
