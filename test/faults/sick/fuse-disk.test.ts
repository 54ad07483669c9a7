import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { fuseObstacle } from './disk-sicknesses.ts';
import { FuseDisk } from './state-disk.ts';
import { UndoGuard } from './undo-guard.ts';

let guard: UndoGuard | undefined;

async function mounted(ctx: TestContext): Promise<{ readonly folder: string; readonly disk: FuseDisk }> {
  const obstacle = process.getuid?.() === 0 ? fuseObstacle() : 'mounting needs root';
  if (obstacle !== undefined) ctx.skip(obstacle);
  guard = new UndoGuard();
  const base = mkdtempSync(join(tmpdir(), 'locum-fuse-'));
  guard.defer({ kind: 'remove', path: base });
  const place = { mountPoint: join(base, 'disk'), behind: join(base, 'behind'), guard };
  mkdirSync(place.behind);
  return { folder: place.mountPoint, disk: await FuseDisk.make(place) };
}

afterEach(async () => {
  const left = await guard?.close();
  if (left !== undefined && left.length > 0) throw new Error(left.join('\n'));
});

beforeEach(() => {
  guard = undefined;
});

describe('the disk that answers as it is told', () => {
  it('is a file system while it is healthy', async (ctx) => {
    const { folder } = await mounted(ctx);
    mkdirSync(join(folder, 'state'));
    appendFileSync(join(folder, 'state', 'journal.new'), 'one\n');
    renameSync(join(folder, 'state', 'journal.new'), join(folder, 'state', 'journal'));
    appendFileSync(join(folder, 'state', 'journal'), 'two\n');
    expect(readFileSync(join(folder, 'state', 'journal'), 'utf8')).toBe('one\ntwo\n');
    const server = createServer().listen(join(folder, 'state', 'socket'));
    await once(server, 'listening');
    server.close();
  });

  it('turns read-only under a file that is open, and back', async (ctx) => {
    const { folder, disk } = await mounted(ctx);
    const file = openSync(join(folder, 'journal'), 'a');
    writeSync(file, 'before\n');
    disk.answerWith('EROFS');
    expect(() => writeSync(file, 'during\n')).toThrow('EROFS');
    expect(() => openSync(join(folder, 'other'), 'w')).toThrow('EROFS');
    expect(readFileSync(join(folder, 'journal'), 'utf8')).toBe('before\n');
    disk.answerWith('');
    writeSync(file, 'after\n');
    closeSync(file);
    expect(readFileSync(join(folder, 'journal'), 'utf8')).toBe('before\nafter\n');
  });

  it('fails as told, and is well again', async (ctx) => {
    const { folder, disk } = await mounted(ctx);
    disk.answerWith('EIO');
    expect(() => openSync(join(folder, 'file'), 'w')).toThrow('EIO');
    disk.answerWith('');
    closeSync(openSync(join(folder, 'file'), 'w'));
  });
});
