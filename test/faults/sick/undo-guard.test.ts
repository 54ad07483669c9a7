import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { waitFor } from './command.ts';
import { UndoGuard } from './undo-guard.ts';

const LIMIT_MS = 20_000;
const folders: string[] = [];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'locum-undo-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('the undo guard', () => {
  it('takes back what was said, the last first', async () => {
    const folder = newFolder();
    const file = join(folder, 'state');
    writeFileSync(file, 'changed');
    const guard = new UndoGuard();
    guard.defer({ kind: 'write', file, text: 'first' });
    guard.defer({ kind: 'write', file, text: 'second' });
    expect(await guard.close()).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe('first');
  });

  it('does so when whoever said it is killed', async () => {
    const made = join(newFolder(), 'made');
    mkdirSync(made);
    const module = JSON.stringify(join(import.meta.dirname, 'undo-guard.ts'));
    const step = JSON.stringify({ kind: 'remove', path: made });
    const text = `const { UndoGuard } = await import(${module}); new UndoGuard().defer(${step}); console.log('said');`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(other.stdout, 'data');
    expect(existsSync(made)).toBe(true);
    other.kill('SIGKILL');
    await waitFor('it is taken back', LIMIT_MS, () => !existsSync(made));
  });

  it('tells what it could not take back', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'not-empty'));
    writeFileSync(join(folder, 'not-empty', 'file'), '');
    const guard = new UndoGuard();
    guard.defer({ kind: 'remove-group', folder: join(folder, 'not-empty') });
    expect(await guard.close()).toEqual([expect.stringContaining('left behind: {"kind":"remove-group"')]);
  });
});
