/** Where another user was first: in a folder that all may write to, beside or in the place of what is the keeper's. */
import {
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { claimStateDirectory as claimForAgent } from '../../agent/state-directory.ts';
import { AttemptFolders } from '../../keeper/disk/attempt-folders.ts';
import { claimStateDirectory as claimForKeeper } from '../../keeper/state-directory.ts';

const NOBODY = 65_534;
const ATTEMPT = { run: 'job-1', epoch: 1 };
const AS_NOBODY = { uid: NOBODY, gid: NOBODY };

function parent(): string {
  const folder = mkdtempSync(join(tmpdir(), 'locum-others-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder that the other user has made. */
function madeByNobody(path: string): string {
  mkdirSync(path);
  chownSync(path, NOBODY, NOBODY);
  return path;
}

describe('a folder of another user', () => {
  it('is no state directory, neither of a keeper nor of an agent, and stays as it is', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can make a folder of another user');
    const path = madeByNobody(join(parent(), 'state'));
    const log = { warn: () => undefined, error: () => undefined };
    await expect(claimForKeeper(path)).rejects.toThrow('belongs to another user (uid 65534)');
    await expect(claimForAgent(path, 'web-1', log)).rejects.toThrow('belongs to another user (uid 65534)');
    expect(lstatSync(path)).toMatchObject({ uid: NOBODY, mode: 0o040755 });
  });

  it('gets no script and no work folder of a workload: with a link in it these would land anywhere', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can make a folder of another user');
    const state = join(parent(), 'state');
    const precious = join(parent(), 'precious');
    writeFileSync(precious, 'x');
    const planted = join(madeByNobody(`${state}-users`), 'job-1-1');
    madeByNobody(planted);
    symlinkSync(precious, join(planted, 'script'));
    const folders = new AttemptFolders(state);
    await expect(folders.writeScript(ATTEMPT, '#!/bin/sh\n', AS_NOBODY)).rejects.toThrow('belongs to another user');
    await expect(folders.makeWorkFolder(ATTEMPT, AS_NOBODY)).rejects.toThrow('belongs to another user');
    expect([readFileSync(precious, 'utf8'), lstatSync(precious).uid]).toEqual(['x', 0]);
  });

  it('that is a link is not followed, and nothing is deleted behind it', async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can make a folder of another user');
    const state = join(parent(), 'state');
    const elsewhere = parent();
    mkdirSync(join(elsewhere, 'job-1-1', 'work'), { recursive: true });
    symlinkSync(elsewhere, `${state}-users`);
    lchownSync(`${state}-users`, NOBODY, NOBODY);
    const folders = new AttemptFolders(state);
    await expect(folders.makeWorkFolder(ATTEMPT, AS_NOBODY)).rejects.toThrow('belongs to another user');
    const owner = { policy: 'job', failed: false, endedWall: 0 };
    await expect(folders.forget(ATTEMPT, owner)).rejects.toThrow('belongs to another user');
    expect(existsSync(join(elsewhere, 'job-1-1', 'work'))).toBe(true);
  });
});
