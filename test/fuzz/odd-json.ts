/** JSON that was right, with one thing in it that is not: a value of another kind, a key that nobody knows or that comes twice, a tower. */
import type { Prng } from '../../shared/prng.ts';

const TOWER = 5_000;
const ODD = [
  'null',
  'true',
  '0',
  '-1',
  '1.5',
  '1e999',
  '"9223372036854775808"',
  '"2026-02-30T25:61:61Z"',
  '"-9e99s"',
  '"\\ud800"',
  '"\\u0000"',
  '""',
  '[]',
  '{}',
  '[null]',
  '{"":{}}',
  '{"__proto__":{"toString":1}}',
  '{"@type":"type.googleapis.com/google.protobuf.Any","value":{}}',
  '['.repeat(TOWER) + ']'.repeat(TOWER),
  `${'{"a":'.repeat(TOWER)}1${'}'.repeat(TOWER)}`,
];
const KEYS = ['', '__proto__', 'constructor', 'toString', 'no_such_field', '$typeName'];
/** Stands for what JSON.stringify would not write. */
const MARK = 'mark-of-odd-json';

interface Spot {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

export function oddJson(prng: Prng, text: string): string {
  const whole: unknown = JSON.parse(text);
  const odd = prng.pick(ODD) ?? 'null';
  const spot = prng.pick(spotsIn(whole));
  if (spot === undefined || prng.chance(0.05)) return odd;
  if (prng.chance(0.2)) {
    const key = prng.pick([...KEYS, spot.key]) ?? '';
    return text.replace('{', () => `{${JSON.stringify(key)}:${odd},`);
  }
  spot.holder[spot.key] = MARK;
  return JSON.stringify(whole).replace(JSON.stringify(MARK), () => odd);
}

/** Everything that is in something. */
function spotsIn(value: unknown): readonly Spot[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...spotsIn(holder[key])]);
}
