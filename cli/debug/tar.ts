/** Files as a tar archive (ustar), as every tar unpacks it. */
export interface TarFile {
  /** At most 100 bytes of ASCII, inside the folder where it is unpacked. */
  readonly name: string;
  readonly data: Buffer;
}

const BLOCK = 512;
const MODE = '0000600';
const REGULAR_FILE = '0';

/** `seconds`: time of all files, since 1970. */
export function tarOf(files: readonly TarFile[], seconds: number): Buffer {
  const blocks = files.flatMap(({ name, data }) => [
    head(name, data.length, seconds),
    data,
    Buffer.alloc(-data.length & (BLOCK - 1)),
  ]);
  // Two empty blocks end an archive.
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function head(name: string, size: number, seconds: number): Buffer {
  if (!/^[\x21-\x7e]{1,100}$/.test(name) || /(?:^|\/)\.\.?(?:\/|$)|^\//.test(name))
    throw new RangeError(`no name for a file of an archive: ${name}`);
  const block = Buffer.alloc(BLOCK);
  const put = (text: string, offset: number): number => block.write(text, offset, 'latin1');
  put(name, 0);
  put(MODE, 100);
  put(octal(0), 108);
  put(octal(0), 116);
  put(octal(size, 11), 124);
  put(octal(seconds, 11), 136);
  // The sum is of the block with blanks in its own place.
  put(' '.repeat(8), 148);
  put(REGULAR_FILE, 156);
  put('ustar\u000000', 257);
  put(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
    148,
  );
  return block;
}

const octal = (value: number, digits = 7): string => Math.floor(value).toString(8).padStart(digits, '0');
