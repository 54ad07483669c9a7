import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** What the model prints, with N for every number; the two controllers and the two servers are one word each. */
function stepsOfModel(): ReadonlySet<string> {
  const printed = [...read('docs/model/lease.pml').matchAll(/printf\("([^"]+?)(?:\\n)?"/g)];
  const steps = printed.map(([, text = '']) => text.replaceAll('%d', 'N').replaceAll(/controller \d/g, 'controller N'));
  return new Set(steps);
}

/** The rows of the table of steps: what stands in the first column and in the last. */
function rows(): { readonly steps: readonly string[]; readonly code: string }[] {
  const [, table = ''] = read('docs/model/README.md').split('| step | rule | code |');
  const lines = (table.split('\n\n')[0] ?? '').split('\n').filter((line) => line.startsWith('| ') && line !== '');
  return lines.map((line) => {
    const [, steps = '', , code = ''] = line.split('|').map((cell) => cell.trim());
    return { steps: steps.split(' · '), code };
  });
}

/** `file.ts`: `name`, `name (in words)`; … */
function namesIn(code: string): { readonly file: string; readonly name: string }[] {
  const files = [...code.matchAll(/`([\w/.-]+\.ts)`:([^;]*?)(?=;|$|`[\w/.-]+\.ts`)/g)];
  return files.flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => ({ file, name })),
  );
}

describe('the correspondence of the model to the code', () => {
  it('has a row for each step, but for those that the text says have no code', () => {
    const [, rest = ''] = read('docs/model/README.md').split('Three steps have no code.');
    const withoutCode = [...rest.matchAll(/`((?:standby|controller N|tick)[:,][^`]+)`/g)].map(([, step]) => step);
    const described = [...rows().flatMap(({ steps }) => steps), ...withoutCode];
    expect(described).toHaveLength(new Set(described).size);
    expect(new Set(described)).toEqual(stepsOfModel());
  });

  it('names files and functions that exist', () => {
    const names = rows().flatMap(({ code }) => namesIn(code));
    expect(names.length).toBeGreaterThan(50);
    const gone = names.filter(({ file, name }) => {
      const path = join(root, file);
      // A function, a constant, or a method, which may be private.
      const declared = new RegExp(`(?:function\\*?|const) ${name}\\b|^  (?:(?:private|async) )*#?${name}\\(`, 'm');
      return !existsSync(path) || !declared.test(readFileSync(path, 'utf8'));
    });
    expect(gone).toEqual([]);
  });
});
