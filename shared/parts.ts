/** Lists cut by bytes, so that what carries them is never too large. Pure. */

/** In parts of at most `limitBytes`, each with one item at least; an empty list is one empty part. */
export function inParts<T>(
  items: readonly T[],
  bytesOf: (item: T) => number,
  limitBytes: number,
): readonly (readonly T[])[] {
  const parts: T[][] = [];
  let room = 0;
  for (const item of items) {
    const bytes = bytesOf(item);
    const last = parts.at(-1);
    if (last === undefined || bytes > room) {
      parts.push([item]);
      room = limitBytes - bytes;
    } else {
      last.push(item);
      room -= bytes;
    }
  }
  return parts.length === 0 ? [[]] : parts;
}

/** The first items that have room, one at least, and how many are left out. */
export function cutToBytes<T>(
  items: readonly T[],
  bytesOf: (item: T) => number,
  limitBytes: number,
): { readonly kept: readonly T[]; readonly omitted: number } {
  let room = limitBytes;
  const end = items.findIndex((item, i) => {
    room -= bytesOf(item);
    return room < 0 && i > 0;
  });
  return end < 0 ? { kept: items, omitted: 0 } : { kept: items.slice(0, end), omitted: items.length - end };
}

/** At most what the texts of a flat message take: three bytes for each character, and some for numbers and tags. */
export function bytesOfTexts(message: object): number {
  let bytes = 32;
  const values: readonly unknown[] = Object.values(message);
  for (const value of values) if (typeof value === 'string') bytes += 4 + 3 * value.length;
  return bytes;
}
