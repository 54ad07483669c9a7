/** `node scripts/limits-table.ts`: the table of docs/limits.md, printed from shared/limits.ts. A test keeps the page equal to it. */
import { KIB, LIMIT_ROWS, type LimitRow, MIB } from '../shared/limits.ts';

/** `128 KiB`, `1,000`. */
function shown({ value, unit }: LimitRow): string {
  if (unit === 'bytes' && value % MIB === 0) return `${value / MIB} MiB`;
  if (unit === 'bytes' && value % KIB === 0) return `${value / KIB} KiB`;
  return `${value.toLocaleString('en-US')} ${unit}`;
}

/** The lines of the table. */
export function limitsTable(): readonly string[] {
  return [
    '| name | limit | of what | beyond it |',
    '|---|--:|---|---|',
    ...Object.entries(LIMIT_ROWS).map(([name, row]) => `| \`${name}\` | ${shown(row)} | ${row.what} | ${row.beyond} |`),
  ];
}

if (import.meta.main) for (const line of limitsTable()) console.log(line);
