import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openControllerTls } from '../../../controller/access/controller-tls.ts';
import { encodeRecord } from '../../../controller/codec/record.ts';
import { loadControllerSettings } from '../../../controller/config/config.ts';
import { recordKey } from '../../../controller/core/records/keys.ts';
import { encodeCandidate } from '../../../controller/replication/candidate.ts';
import { MemoryStore } from '../../../controller/store/memory.ts';
import { createLogger } from '../../../shared/log.ts';
import { AuthorityError, makeAuthority } from '../../../shared/pki/authority.ts';
import { ISSUER_FACT } from '../../../shared/protocol/certificate-facts.ts';
import { aServer } from '../core/world/records.ts';
import { SILENT } from '../replication/leaders-seen.ts';

const WHERE = { api: 'c1:7400', agent: 'c1:7401', version: '1' };

/** A controller `c2` beside a `c1` that says this of itself. */
async function beside(c1: { readonly authority?: string | undefined }, id = 'c1') {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'locum-tls-'));
  onTestFinished(() => rmSync(dataDirectory, { recursive: true }));
  const settings = loadControllerSettings({ flags: { id: 'c2', dataDirectory, apiListen: '10.0.0.1:7400' }, env: {} });
  const candidate = encodeCandidate({ id, ...WHERE, ...c1 });
  const members = async () => [{ candidate, note: '', silentMs: 0 }];
  const open = async () => {
    const tls = await openControllerTls(
      { ...settings, log: SILENT },
      'cluster',
      Object.assign(new MemoryStore(), { members }),
    );
    tls?.close();
    return tls?.issuer;
  };
  return { open };
}

/** A controller with an empty data directory, on a store with a server that says by which root its certificate is signed. */
function restored(issuers: readonly string[]) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'locum-tls-'));
  onTestFinished(() => rmSync(dataDirectory, { recursive: true }));
  const settings = loadControllerSettings({ flags: { dataDirectory, apiListen: '10.0.0.1:7400' }, env: {} });
  const capabilities = issuers.map((value) => ({ name: ISSUER_FACT, value, source: 'FINGERPRINT' as const }));
  const server = aServer('web-1', { capabilities });
  const records = [{ key: recordKey(server), value: encodeRecord(server) }];
  const load = async () => ({ ...(await new MemoryStore().load()), records });
  const store = Object.assign(new MemoryStore(), { load });
  const open = async () => {
    const tls = await openControllerTls({ ...settings, log: SILENT }, 'cluster', store);
    tls?.close();
  };
  return { open, dataDirectory };
}

describe('a controller with TLS', () => {
  it('starts beside one that says nothing of its authority, and makes its own', async () => {
    const { open } = await beside({});
    const authority = await open();
    expect(authority).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await open()).toBe(authority);
  });

  it('does not start beside one with another authority, and says what to do', async () => {
    const { open } = await beside({ authority: `sha256:${'0'.repeat(64)}` });
    await expect(open()).rejects.toThrow(AuthorityError);
    await expect(open()).rejects.toThrow(/controller c1 has another authority .*name them as tls\.ca_file/);
  });

  it('starts although it was registered with another one itself, before', async () => {
    const { open } = await beside({ authority: `sha256:${'0'.repeat(64)}` }, 'c2');
    expect(await open()).toBeDefined();
  });

  it('on the store of another host makes no authority where the hosts know one, and starts once its files are brought', async () => {
    const { open, dataDirectory } = restored([`sha256:${'1'.repeat(64)}`]);
    await expect(open()).rejects.toMatchObject({ name: 'AuthorityError', reason: 'AUTHORITY_MISSING' });
    const folder = join(dataDirectory, 'pki');
    expect(existsSync(folder)).toBe(false);
    mkdirSync(folder);
    const { certPem, keyPem } = await makeAuthority('cluster', Date.now());
    writeFileSync(join(folder, 'ca.crt'), certPem);
    writeFileSync(join(folder, 'ca.key'), keyPem, { mode: 0o600 });
    await expect(open()).resolves.toBeUndefined();
  });

  it('on the store of another host makes one where the hosts have no certificates', async () => {
    await expect(restored([]).open()).resolves.toBeUndefined();
  });

  it('tells of an address that is refused over and over ten times, and of another one all the same', async () => {
    const lines: string[] = [];
    const log = createLogger({ name: 'test', format: 'json', output: { write: (line) => void lines.push(line) } });
    const dataDirectory = mkdtempSync(join(tmpdir(), 'locum-tls-'));
    onTestFinished(() => rmSync(dataDirectory, { recursive: true }));
    const settings = loadControllerSettings({ flags: { dataDirectory, apiListen: '10.0.0.1:7400' }, env: {} });
    const tls = await openControllerTls({ ...settings, log }, 'cluster', new MemoryStore());
    onTestFinished(() => tls?.close());
    const refuse = (peer: string): void =>
      tls?.callers.refused({ peer, reason: 'HANDSHAKE_FAILED', message: 'no TLS', certificate: '' });
    for (let port = 1; port <= 30; port += 1) refuse(`10.0.0.2:${port}`);
    refuse('10.0.0.3:1');
    const about = (address: string) => lines.filter((line) => line.includes(address));
    expect(about('10.0.0.2')).toHaveLength(10);
    expect(about('10.0.0.3')).toHaveLength(1);
  });
});
