/** Amounts of memory as people write them: `512Mi`, `2Gi`, `65536`. Units are powers of 1024, the largest that there are last. */
const UNITS: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti'];

/** Bytes; undefined for what is no amount (a sign, a fraction, an unknown unit), and for more than a number holds exactly. */
export function parseByteSize(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,16})(Ki|Mi|Gi|Ti)?$/.exec(text) ?? [];
  if (digits === '') return undefined;
  const bytes = Number(digits) * 1024 ** UNITS.indexOf(unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest text that `parseByteSize` reads back as the same number of bytes. */
export function formatByteSize(bytes: number): string {
  let power = 0;
  while (power < UNITS.length - 1 && bytes > 0 && bytes % 1024 ** (power + 1) === 0) power += 1;
  return `${bytes / 1024 ** power}${UNITS[power] ?? ''}`;
}
