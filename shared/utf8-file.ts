/** Reads texts that people wrote. Bytes that are no UTF-8 are an error: replaced, they would change a script without a word. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { invalidFields } from './errors.ts';

/** The text without its byte order mark. `source`: name of the file in the error. @throws LocumError INVALID_FIELD with the line */
export function utf8Text(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const line = lineOfFirstBadByte(bytes);
    throw invalidFields([{ field: '', description: `${source}: line ${line}: is not UTF-8; save it as UTF-8` }]);
  }
}

/** The text of a file. @throws LocumError INVALID_FIELD, and what reading throws */
export const readUtf8File = (path: string): string => utf8Text(readFileSync(path), path);

/** Lines are tried one by one: a character is never on two. */
function lineOfFirstBadByte(bytes: Uint8Array): number {
  const newline = 0x0a;
  let from = 0;
  for (let line = 1; ; line += 1) {
    const end = bytes.indexOf(newline, from);
    const text = bytes.subarray(from, end < 0 ? bytes.length : end);
    if (end < 0 || !isUtf8(text)) return line;
    from = end + 1;
  }
}
