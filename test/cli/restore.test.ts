import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { restore } from '../../cli/snapshot/restore.ts';
import { snapshotOfNewLeader } from '../controller/new-leader.ts';

let folder: string;
let snapshot: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locum-restore-'));
  snapshot = join(folder, 'one.snap');
  writeFileSync(snapshot, await snapshotOfNewLeader());
  vi.stubEnv('XDG_STATE_HOME', join(folder, 'of-this-user'));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function configOf(text: string): string {
  const file = join(folder, 'controller.yaml');
  writeFileSync(file, text);
  return file;
}

describe('a restore', () => {
  it('with the configuration of a service goes where that says', async () => {
    await restore(snapshot, { config: configOf(`data_directory: ${folder}\n`) });
    expect(existsSync(join(folder, 'store.sqlite'))).toBe(true);
  });

  it('does not go to the folder of this user when the configuration says nothing', async () => {
    const config = configOf('log_level: INFO\n');
    const refused = `${config} names neither store nor data_directory: name the store to make with --store`;
    await expect(restore(snapshot, { config })).rejects.toThrow(refused);
    expect(existsSync(join(folder, 'of-this-user'))).toBe(false);
  });

  it('goes where --store says, whatever the configuration leaves out', async () => {
    await restore(snapshot, { config: configOf('log_level: INFO\n'), store: `sqlite:${join(folder, 'own.sqlite')}` });
    expect(existsSync(join(folder, 'own.sqlite'))).toBe(true);
  });

  it('without a store to make is refused', async () => {
    await expect(restore(snapshot, {})).rejects.toThrow('--store, or --config');
  });
});
