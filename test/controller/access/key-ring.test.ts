import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { issue } from '../../../cli/certificate/issue.ts';
import { openClusterAuthority } from '../../../controller/access/cluster-authority.ts';
import { KeyRing, rootOf } from '../../../controller/access/key-ring.ts';
import { AuthorityError } from '../../../shared/pki/authority.ts';
import { caHashOf, issuerHashOf } from '../../../shared/pki/roots.ts';
import { newWrappingKey } from '../../../shared/pki/wrapping-key.ts';

const NOW = Date.UTC(2026, 10, 27);

/** The data directory of a controller that has made an authority. */
async function madeAlone() {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'locum-ring-'));
  onTestFinished(() => rmSync(dataDirectory, { recursive: true }));
  const place = { clusterId: 'c', dataDirectory, nowMs: NOW };
  const old = rootOf((await openClusterAuthority(place)).rootsPem);
  const ring = new KeyRing(place);
  const files = (): readonly string[] => readdirSync(join(dataDirectory, 'pki')).sort();
  return { place, old, ring, files };
}

describe('the keys of a controller that is alone', () => {
  it('are both there while two roots are trusted, and the old one is gone with its root', async () => {
    const { place, old, ring, files } = await madeAlone();
    const next = await ring.make(true, NOW);
    ring.settle([old, next]);
    ring.settle([next, old]);
    expect(files()).toHaveLength(3);
    for (const root of [old, next]) expect((await ring.open(root))?.certPem).toBe(root.certPem);
    const key = ring.keyOf(next);
    ring.settle([next]);
    expect(files()).toEqual(['ca.crt', 'ca.key']);
    const kept = readFileSync(join(place.dataDirectory, 'pki', 'ca.key'), 'utf8');
    // Not compared as texts: a test that fails prints no key.
    expect(kept.trim() === key?.trim()).toBe(true);
    expect(ring.keyOf(old)).toBeUndefined();
  });

  it('stay what they were when a change is given up, and what else is in the folder stays too', async () => {
    const { place, old, ring, files } = await madeAlone();
    writeFileSync(join(place.dataDirectory, 'pki', 'mine.key'), 'of somebody else', { mode: 0o600 });
    const next = await ring.make(true, NOW);
    ring.settle([old, next]);
    ring.settle([old]);
    expect(files()).toEqual(['ca.crt', 'ca.key', 'mine.key']);
    expect(await ring.open(old)).toBeDefined();
  });

  it('sign certificates by hand with the root that signs, in every phase', async () => {
    const { place, old, ring } = await madeAlone();
    const next = await ring.make(true, NOW);
    for (const roots of [[old, next], [next, old], [next]]) {
      ring.settle(roots);
      const out = join(place.dataDirectory, `out-${roots.length}-${roots[0]?.hash.slice(-8)}`);
      await issue('user/ann', { out, dataDir: place.dataDirectory });
      const [certPem, rootsPem] = ['tls.crt', 'ca.crt'].map((name) => readFileSync(join(out, name), 'utf8'));
      expect(issuerHashOf(certPem ?? '', rootsPem ?? '')).toBe(roots[0]?.hash);
    }
  });
});

describe('where others have to find the key', () => {
  it('none is made without a wrapping key, and the message says what to do', async () => {
    const { ring } = await madeAlone();
    await expect(ring.make(false, NOW)).rejects.toThrow(AuthorityError);
    await expect(ring.make(false, NOW)).rejects.toThrow(/locum pki new-root/);
  });

  it('goes along wrapped, and leaves no file; without the wrapping keys it can not be opened, and it is said why', async () => {
    const { place, ring: _, files } = await madeAlone();
    const wrappingKeyFile = join(place.dataDirectory, 'wrapping');
    writeFileSync(wrappingKeyFile, newWrappingKey(), { mode: 0o600 });
    const ring = new KeyRing({ ...place, wrappingKeyFile });
    const made = await ring.make(false, NOW);
    expect(made.hash).toBe(caHashOf(made.certPem));
    expect(files()).toEqual(['ca.crt', 'ca.key']);
    expect(await ring.open(made)).toBeDefined();
    rmSync(wrappingKeyFile);
    ring.refresh();
    expect([await ring.open(made), ring.problem]).toEqual([undefined, expect.stringContaining('ENOENT')]);
    await expect(ring.make(false, NOW)).rejects.toThrow(/ENOENT/);
  });
});
