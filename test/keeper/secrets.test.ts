/** Values that are secrets of the host: what may be read of it, and what can't. Real files. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretReader } from '../../keeper/drivers/process/secrets.ts';

let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'locum-secrets-'));
  folder = join(root, 'secrets');
  mkdirSync(folder);
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(root, { recursive: true });
});

const read = (path: string, directories = [folder]) =>
  new SecretReader().read({ PASSWORD: { kind: 'file', path } }, { directories, agentEnv: {} });
const refused = (reason: string, words: string | RegExp) => ({
  ...{ kind: 'refusal', reason, detail: expect.stringMatching(words) },
});

describe('a file of secrets', () => {
  it.each([
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    ['hunter2', 'hunter2'],
    ['two\nlines\n\n', 'two\nlines\n'],
    ['', ''],
    ['x'.repeat(32 * 1024), 'x'.repeat(32 * 1024)],
  ])('that holds %j gives its text without the last line feed', async (text, value) => {
    writeFileSync(join(folder, 'password'), text);
    expect(await read('password')).toEqual({ kind: 'values', env: { PASSWORD: value } });
  });

  it('is named below a folder or by its whole path, and the first folder that has it counts', async () => {
    const other = join(root, 'other');
    mkdirSync(join(other, 'db'), { recursive: true });
    writeFileSync(join(other, 'db/password'), 'of the second');
    const both = [folder, other];
    const second = { kind: 'values', env: { PASSWORD: 'of the second' } };
    expect(await read('db/password', both)).toEqual(second);
    expect(await read(join(other, 'db/password'), both)).toEqual(second);
    mkdirSync(join(folder, 'db'));
    writeFileSync(join(folder, 'db/password'), 'of the first');
    expect(await read('db/password', both)).toEqual({ kind: 'values', env: { PASSWORD: 'of the first' } });
  });

  it.each([['../outside'], ['a/../../outside'], ['.'], [''], ['/etc/shadow'], ['/']])(
    'outside the folders can not be taken: %j',
    async (path) => {
      writeFileSync(join(root, 'outside'), 'not for policies');
      expect(await read(path)).toMatchObject(refused('SECRET_NOT_PERMITTED', 'PASSWORD: '));
    },
  );

  it('can not be reached through a link that leads out, but through one that stays inside', async () => {
    writeFileSync(join(root, 'outside'), 'not for policies');
    symlinkSync(join(root, 'outside'), join(folder, 'way-out'));
    symlinkSync(root, join(folder, 'folder-out'));
    expect(await read('way-out')).toMatchObject(refused('SECRET_NOT_PERMITTED', 'way-out'));
    expect(await read('folder-out/outside')).toMatchObject(refused('SECRET_NOT_PERMITTED', 'folder-out'));
    mkdirSync(join(folder, '..data'));
    writeFileSync(join(folder, '..data/password'), 'mounted');
    symlinkSync('..data/password', join(folder, 'password'));
    expect(await read('password')).toEqual({ kind: 'values', env: { PASSWORD: 'mounted' } });
  });

  it('can be in a folder that is itself a link', async () => {
    writeFileSync(join(folder, 'password'), 'hunter2');
    symlinkSync(folder, join(root, 'linked'));
    expect(await read('password', [join(root, 'linked')])).toMatchObject({ env: { PASSWORD: 'hunter2' } });
  });

  it('that is not there, or no text for a variable, says which one and why, and never what it holds', async () => {
    expect(await read('missing')).toMatchObject(refused('SECRET_UNAVAILABLE', 'no such file'));
    writeFileSync(join(folder, 'large'), 'x'.repeat(32 * 1024 + 1));
    expect(await read('large')).toMatchObject(refused('SECRET_UNAVAILABLE', 'more than 32768 bytes'));
    writeFileSync(join(folder, 'zero'), 'a\0b');
    expect(await read('zero')).toMatchObject(refused('SECRET_UNAVAILABLE', 'zero byte'));
    writeFileSync(join(folder, 'binary'), Buffer.from([0xff, 0xfe, 0x41]));
    expect(await read('binary')).toMatchObject(refused('SECRET_UNAVAILABLE', 'UTF-8'));
    mkdirSync(join(folder, 'deep'));
    expect(await read('deep')).toMatchObject(refused('SECRET_UNAVAILABLE', 'no regular file'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(await read('pipe')).toMatchObject(refused('SECRET_UNAVAILABLE', 'no regular file'));
  });

  it('can not be taken at all where the agent allows no folder', async () => {
    writeFileSync(join(folder, 'password'), 'hunter2');
    expect(await read(join(folder, 'password'), [])).toMatchObject(refused('SECRET_NOT_PERMITTED', 'no folder'));
  });
});

describe('a variable of the agent', () => {
  it('is given where it may be taken, and else its name is told', async () => {
    const allowed = { directories: [folder], agentEnv: { API_TOKEN: 'abc' } };
    const reader = new SecretReader();
    const token = { TOKEN: { kind: 'agent_env', name: 'API_TOKEN' } } as const;
    expect(await reader.read(token, allowed)).toEqual({ kind: 'values', env: { TOKEN: 'abc' } });
    const home = { TOKEN: { kind: 'agent_env', name: 'HOME' } } as const;
    expect(await reader.read(home, allowed)).toMatchObject(refused('SECRET_NOT_PERMITTED', 'TOKEN: .* HOME'));
  });
});
