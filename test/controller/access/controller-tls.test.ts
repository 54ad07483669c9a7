import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openControllerTls } from '../../../controller/access/controller-tls.ts';
import { loadControllerSettings } from '../../../controller/config/config.ts';
import { encodeCandidate } from '../../../controller/replication/candidate.ts';
import { MemoryStore } from '../../../controller/store/memory.ts';
import { AuthorityError } from '../../../shared/pki/authority.ts';
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
});
