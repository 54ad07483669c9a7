import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';
import { errorCodes } from '../../shared/errors.ts';
import { ErrorReasonSchema } from '../../shared/gen/locum/v1/error_reason_pb.ts';

const root = dirname(dirname(import.meta.dirname));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('docs/errors.md', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| ([A-Z_]+) \| \S/gm)];

  it('has each reason of the API, with its code', () => {
    expect(Object.fromEntries(rows.map(([, reason, code]) => [reason, code]))).toEqual(errorCodes);
    const reasons = ErrorReasonSchema.values.filter(({ number }) => number !== 0).map(({ localName }) => localName);
    expect(new Set(rows.map(([, reason]) => reason))).toEqual(new Set(reasons));
  });
});

describe('docs/cli.md', () => {
  const text = read('docs/cli.md');

  it('has each noun and each verb', async () => {
    const program = await buildProgram(nouns.map(({ name }) => name));
    const hidden = new Set(nouns.filter(({ group }) => group === undefined).map(({ name }) => name));
    const words = program.commands
      .filter((noun) => !hidden.has(noun.name()) && noun.name() !== 'version')
      .flatMap((noun) => [noun.name(), ...noun.commands.map((verb) => verb.name())]);
    expect(words.filter((word) => !new RegExp(`\`[^\`]*\\b${word}\\b[^\`]*\``).test(text))).toEqual([]);
  });

  it('has each exit code', () => {
    const rows = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(rows).toEqual(Object.values(EXIT));
  });
});
