/** What a controller makes of a change of the authority when something is in the way: files, a start in the middle, a renewal of its own. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { AuthorityHolder } from '../../../controller/access/authority-holder.ts';
import { ControllerTls } from '../../../controller/access/controller-tls.ts';
import type { AuthorityRecord, AuthorityRoot } from '../../../controller/core/records/authority.ts';
import { caHashesOf } from '../../../shared/pki/roots.ts';
import { HOUR } from '../../../shared/time.ts';
import { SILENT } from '../replication/leaders-seen.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A controller that is alone, with a second root that nobody knows yet. */
async function alone() {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'locum-change-'));
  onTestFinished(() => rmSync(dataDirectory, { recursive: true }));
  const options = { clusterId: 'c', self: 'c1', hosts: [], dataDirectory, log: SILENT };
  const tls = await ControllerTls.open(options);
  onTestFinished(() => tls.close());
  const [old] = tls.authority.record.roots;
  const next = await tls.authority.ring.make(true, Date.now());
  const trusted = (): readonly string[] => caHashesOf(tls.identity.material.rootsPem);
  const files = (): readonly string[] => readdirSync(join(dataDirectory, 'pki')).sort();
  const nextKey = join(dataDirectory, 'pki', files().find((name) => name.startsWith('ca-')) ?? '');
  return { options, tls, old, next, trusted, files, nextKey };
}

const record = (phase: AuthorityRecord['phase'], ...roots: AuthorityRecord['roots']): AuthorityRecord => ({
  ...{ kind: 'authority', phase, roots, endorsements: '', sinceWall: undefined, creator: '' },
});
const hashes = (...roots: readonly AuthorityRoot[]): readonly string[] => roots.map(({ hash }) => hash);

it('a key that can not be read keeps nobody from trusting the new root, nor the old one in its place', async () => {
  const { tls, old, next, trusted, nextKey } = await alone();
  chmodSync(nextKey, 0o644);
  await tls.adopt(record('TRUSTING', old, next));
  expect(trusted()).toEqual(hashes(old, next));
  expect([tls.word.signs, tls.authority.problem]).toEqual([[old.hash], expect.stringContaining('chmod 600')]);
  await tls.adopt(record('RENEWING', next, old));
  await tls.adopt(record('STEADY', next));
  expect([trusted(), tls.word.signs, tls.authority.canSign]).toEqual([[next.hash], [], false]);
  chmodSync(nextKey, 0o600);
  await tls.adopt(record('STEADY', next));
  expect([tls.word.signs, tls.issuer, tls.authority.problem]).toEqual([[next.hash], next.hash, undefined]);
});

it('a controller that ended before its files were where the record is brings them there at its start', async () => {
  const { options, old, next, files } = await alone();
  await AuthorityHolder.open(options, record('RENEWING', next, old));
  const rootsFile = join(options.dataDirectory, 'pki', 'ca.crt');
  expect(caHashesOf(readFileSync(rootsFile, 'utf8'))).toEqual(hashes(next, old));
  const holder = await AuthorityHolder.open(options, record('STEADY', next));
  expect([files(), caHashesOf(readFileSync(rootsFile, 'utf8'))]).toEqual([['ca.crt', 'ca.key'], [next.hash]]);
  expect([holder.canSign, holder.ring.keyOf(old)]).toEqual([true, undefined]);
});

it('a renewal of its own that began before takes back nothing of a change', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  const { tls, old, next, trusted } = await alone();
  await tls.adopt(record('TRUSTING', old, next));
  await tls.adopt(record('RENEWING', next, old));
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { subtle } = crypto;
  const sign = subtle.sign.bind(subtle) as (...args: unknown[]) => Promise<ArrayBuffer>;
  // The request for its key is the first that is signed, the certificate the second.
  vi.spyOn(subtle, 'sign')
    .mockImplementationOnce(sign)
    .mockImplementationOnce(async (...args: unknown[]) => {
      begun.resolve();
      await held.promise;
      return sign(...args);
    });
  vi.setSystemTime(Date.now() + 12 * HOUR);
  vi.advanceTimersByTime(10_000);
  await begun.promise;
  const changed = tls.adopt(record('STEADY', next));
  // Long enough for it, if it did not wait.
  await Promise.race([changed, sleep(300)]);
  held.resolve();
  await changed;
  await sleep(200);
  expect(trusted()).toEqual([next.hash]);
});
