import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../controller/store/open.ts';
import { testFolder } from './sqlite-folder.ts';

test.each([
  ['memory:', 'memory'],
  ['sqlite:FOLDER/store.sqlite', 'sqlite'],
  ['FOLDER/store.sqlite', 'sqlite'],
])('%s opens a %s store', async (spec, kind) => {
  const store = await openStore(spec.replace('FOLDER', testFolder()));
  onTestFinished(() => store.close());
  expect(store.kind).toBe(kind);
});

test('a path with a colon after a slash is a path', async () => {
  const store = await openStore(join(testFolder(), 'a:b.sqlite'));
  onTestFinished(() => store.close());
  expect(store.kind).toBe('sqlite');
});

test.each(['redis://host', 'memory:name', 'sqlite:', ''])(
  '"%s" is refused with the forms that are known',
  async (spec) => {
    await expect(openStore(spec)).rejects.toMatchObject({
      name: 'StoreError',
      reason: 'NOT_A_STORE',
      message: expect.stringMatching(/names no store: .*Use "sqlite:PATH"/),
    });
  },
);
