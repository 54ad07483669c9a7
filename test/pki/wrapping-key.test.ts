import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ExposedFileError } from '../../shared/pki/private-file.ts';
import { newWrappingKey, WrappingKeyError, WrappingKeys } from '../../shared/pki/wrapping-key.ts';

const BOUND = { clusterId: 'cluster', root: 'sha256:aa' };
const SECRET = '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n';

function file(text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'locum-wrapping-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'keys');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const keysOf = (text: string): WrappingKeys => WrappingKeys.read(file(text));

it('what is wrapped opens with the same key, and never looks the same twice', () => {
  const own = keysOf(newWrappingKey());
  const [once, twice] = [own.wrap(SECRET, BOUND), own.wrap(SECRET, BOUND)];
  expect([own.unwrap(once, BOUND), own.unwrap(twice, BOUND)]).toEqual([SECRET, SECRET]);
  expect(Buffer.from(once.data).equals(twice.data)).toBe(false);
  expect(Buffer.from(once.data).includes('secret')).toBe(false);
});

it('a wrapped key opens nowhere else: not with another key, in another cluster, as the key of another root, nor changed by a bit', () => {
  const own = keysOf(newWrappingKey());
  const wrapped = own.wrap(SECRET, BOUND);
  expect(keysOf(newWrappingKey()).unwrap(wrapped, BOUND)).toBeUndefined();
  const changed = wrapped.data.map((byte, i) => (i === wrapped.data.length - 1 ? byte ^ 1 : byte));
  const cut = wrapped.data.subarray(0, 20);
  for (const [one, bound] of [
    [wrapped, { ...BOUND, clusterId: 'other' }],
    [wrapped, { ...BOUND, root: 'sha256:bb' }],
    [{ ...wrapped, data: changed }, BOUND],
    [{ ...wrapped, data: cut }, BOUND],
  ] as const)
    expect(() => own.unwrap(one, bound)).toThrow(WrappingKeyError);
});

it('the first key of a file wraps, and all of them open', () => {
  const [old, next] = [newWrappingKey(), newWrappingKey()];
  const wrapped = keysOf(old).wrap(SECRET, BOUND);
  const both = keysOf(`# the new one\n${next}\n${old}`);
  expect(both.unwrap(wrapped, BOUND)).toBe(SECRET);
  expect(both.wrap(SECRET, BOUND).by).toBe(keysOf(next).firstId);
  expect(both.ids).toHaveLength(2);
});

it('a file that is no list of keys is refused, without a word of what is in it; so is one that others can read', () => {
  const short = Buffer.from('hunter2').toString('base64');
  for (const text of ['', '# nothing\n', `${short}\n`, 'not base64 at all!\n', newWrappingKey().repeat(9)]) {
    expect(() => keysOf(text)).toThrow(WrappingKeyError);
    expect(() => keysOf(text)).not.toThrow(/hunter2|aHVudGVy/);
  }
  expect(() => WrappingKeys.read(file(newWrappingKey(), 0o644))).toThrow(ExposedFileError);
});
