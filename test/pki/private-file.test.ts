import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openMetricsToken } from '../../agent/metrics/metrics-token.ts';
import { readPrivateFile } from '../../shared/pki/private-file.ts';

describe('a file with a secret', () => {
  it('that others may read is refused with what mends it, and a folder in its place is not told to be a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'locum-private-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'key');
    writeFileSync(file, 'secret');
    chmodSync(file, 0o644);
    expect(() => readPrivateFile(file)).toThrow(`${file} is open to other users of this host (644): chmod 600 it`);
    for (const one of [folder, tmpdir()]) {
      expect(() => readPrivateFile(one)).toThrow(`${one} is a folder, and a file is meant`);
      await expect(openMetricsToken(folder, one)).rejects.toThrow('is a folder');
    }
  });
});
