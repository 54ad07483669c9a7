/** Takes the line of a command apart: plain words and `key=value` pairs; double quotes hold a value with spaces together. */
export interface Words {
  /** Plain words, the command's name first. */
  readonly plain: readonly string[];
  readonly named: ReadonlyMap<string, string>;
}

export function wordsOf(line: string): Words {
  const plain: string[] = [];
  const named = new Map<string, string>();
  for (const [word] of line.matchAll(/(?:[^\s"]|"[^"]*")+/g)) {
    const pair = /^([A-Za-z][\w-]*)=(.*)$/s.exec(word);
    if (pair === null) plain.push(word.replaceAll('"', ''));
    else named.set(pair[1] ?? '', (pair[2] ?? '').replaceAll('"', ''));
  }
  return { plain, named };
}

/** `45s`, `100ms`, `5m`, `1h`, `0` in milliseconds. */
export function durationOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null) throw new Error(`${text} is not a duration`);
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] ?? 'ms'];
  return Number(match[1]) * (unit ?? 1);
}

export const listOf = (text: string | undefined, separator = ','): readonly string[] =>
  text === undefined || text === '' ? [] : text.split(separator).map((one) => one.trim());

/** One of the given words. */
export function oneOf<T extends string>(text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new Error(`${text} is none of ${words.join(', ')}`);
  return found;
}
