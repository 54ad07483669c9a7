import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { expect, it, onTestFinished } from 'vitest';
import { credentialAdvice } from '../../../cli/client/credential-advice.ts';
import { findLocalToken } from '../../../cli/context/local-token.ts';
import type { Destination } from '../../../cli/context/target.ts';
import { isSecretOf, openLocalToken } from '../../../controller/access/secrets.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'locum-local-token-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

it('the token of a host stays, and is made anew where it is gone, empty or none', () => {
  const data = folder();
  const { file, hash } = openLocalToken(data, undefined);
  const first = readFileSync(file, 'utf8');
  expect(openLocalToken(data, undefined).hash).toBe(hash);
  expect(readFileSync(file, 'utf8')).toBe(first);
  const damages = ['', '\n', first.slice(0, 20), 'locum_other_x'].map((text) => () => writeFileSync(file, text));
  for (const damage of [() => rmSync(file), ...damages]) {
    damage();
    const again = openLocalToken(data, undefined);
    const secret = readFileSync(file, 'utf8').trim();
    expect(isSecretOf(secret, again.hash)).toBe(true);
    expect(secret).not.toBe(first.trim());
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
});

it('a command is known by the roots of a controller whose token is gone, and says how to have another one', () => {
  const data = folder();
  const { file } = openLocalToken(data, 'roots\n');
  const env = { LOCUM_DATA_DIR: data };
  expect(findLocalToken(env)).toMatchObject({ file, gone: undefined });
  rmSync(file);
  const { gone, rootsFile } = findLocalToken(env);
  expect([gone, readFileSync(String(rootsFile), 'utf8')]).toEqual([file, 'roots\n']);
  const advice = credentialAdvice(new ConnectError('who?', Code.Unauthenticated), { goneToken: gone } as Destination);
  expect(advice[0]).toBe(`The token of this host, ${file}, is gone: its controller makes another one when it starts.`);
});
