import { expect, it } from 'vitest';
import { utf8Text } from '../../shared/utf8-file.ts';

it('a text in UTF-8 is read without its byte order mark', () => {
  expect(utf8Text(Buffer.from('\ufeffname: größe\n'), 'a.yaml')).toBe('name: größe\n');
});

it.each([
  ['in its first line', Buffer.from('gr\xf6\xdfe', 'latin1'), 1],
  ['in its third line', Buffer.from('a\r\nb\r\ngr\xf6\xdfe\n', 'latin1'), 3],
  ['cut in the middle of a character', Buffer.from('ü').subarray(0, 1), 1],
  ['as of UTF-16', Buffer.from('\ufeffname: a\n', 'utf16le'), 1],
])('a text that is no UTF-8 is refused with its line, never changed: %s', (_where, bytes, line) => {
  expect(() => utf8Text(bytes, 'a.yaml')).toThrow(`a.yaml: line ${line}: is not UTF-8`);
});
