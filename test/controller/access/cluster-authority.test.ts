import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openClusterAuthority } from '../../../controller/access/cluster-authority.ts';
import { AuthorityError } from '../../../shared/pki/authority.ts';
import { ExposedFileError } from '../../../shared/pki/private-file.ts';
import { testFolder } from '../../store/sqlite-folder.ts';

const NOW = Date.UTC(2026, 10, 27);
const place = () => ({ clusterId: 'c', dataDirectory: testFolder(), nowMs: NOW });

it('the first start makes an authority, for its owner only, and the next one finds it', async () => {
  const there = place();
  const made = await openClusterAuthority(there);
  expect(made.isNew).toBe(true);
  const pki = join(there.dataDirectory, 'pki');
  expect([pki, join(pki, 'ca.key')].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o600]);
  const found = await openClusterAuthority(there);
  expect(found).toMatchObject({ isNew: false, rootsPem: made.rootsPem });
});

it('an authority whose certificate is missing is never replaced by another one', async () => {
  const there = place();
  await openClusterAuthority(there);
  const pki = join(there.dataDirectory, 'pki');
  const key = readFileSync(join(pki, 'ca.key'), 'utf8');
  rmSync(join(pki, 'ca.crt'));
  await expect(openClusterAuthority(there)).rejects.toThrow(AuthorityError);
  expect(readFileSync(join(pki, 'ca.key'), 'utf8')).toBe(key);
});

it('a start that was cut off before it had its key begins anew', async () => {
  const there = place();
  const first = await openClusterAuthority(there);
  rmSync(join(there.dataDirectory, 'pki', 'ca.key'));
  const second = await openClusterAuthority(there);
  expect(second.isNew).toBe(true);
  expect(second.rootsPem).not.toBe(first.rootsPem);
});

it('a key that other users can read is not used', async () => {
  const there = place();
  await openClusterAuthority(there);
  chmodSync(join(there.dataDirectory, 'pki', 'ca.key'), 0o644);
  await expect(openClusterAuthority(there)).rejects.toThrow(ExposedFileError);
});

it('roots that other users can change are not believed', async () => {
  const there = place();
  await openClusterAuthority(there);
  const caFile = join(there.dataDirectory, 'pki', 'ca.crt');
  chmodSync(caFile, 0o666);
  await expect(openClusterAuthority(there)).rejects.toThrow(/ca\.crt can be changed by all users/);
  await expect(openClusterAuthority({ ...there, caFile })).rejects.toThrow(ExposedFileError);
});

it('files are taken as they are: several roots, and without a key nothing is signed', async () => {
  const [old, next] = [place(), place()];
  const roots = [(await openClusterAuthority(next)).rootsPem, (await openClusterAuthority(old)).rootsPem].join('');
  const caFile = join(next.dataDirectory, 'roots.pem');
  writeFileSync(caFile, roots);
  const caKeyFile = join(next.dataDirectory, 'pki', 'ca.key');
  expect(await openClusterAuthority({ ...next, caFile })).toMatchObject({ rootsPem: roots, authority: undefined });
  expect((await openClusterAuthority({ ...next, caFile, caKeyFile })).authority).toBeDefined();
});
