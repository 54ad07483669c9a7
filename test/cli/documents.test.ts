import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';
import type { VerdictReason } from '../../controller/core/placement/explain.ts';
import type { Proof } from '../../controller/core/records/attempt-state.ts';

import { errorCodes } from '../../shared/errors.ts';
import { ErrorReasonSchema } from '../../shared/gen/locum/v1/error_reason_pb.ts';
import { AttemptStateSchema, EndCauseSchema, RunStateSchema } from '../../shared/gen/locum/v1/run_pb.ts';
import { GateSchema, IntentSchema, LivenessSchema, LoadSchema } from '../../shared/gen/locum/v1/server_pb.ts';
import { LIMITS } from '../../shared/limits.ts';

/** Kept whole by the compiler. */
const VERDICTS = Object.keys({
  CHOSEN: 0,
  HELD: 0,
  AVAILABLE: 0,
  NOT_LISTED: 0,
  NOT_REGISTERED: 0,
  REQUIREMENT: 0,
  TOO_SMALL: 0,
  DELETING: 0,
  LEFT: 0,
  MISSING: 0,
  SUSPECT: 0,
  DISCONNECTED: 0,
  DRAINING: 0,
  CORDONED: 0,
  SATURATED: 0,
  PROBATION: 0,
  QUARANTINED: 0,
  EXCLUDED: 0,
  CLAIMED: 0,
  FULL: 0,
  PAUSED: 0,
  SKIPPED: 0,
} satisfies Record<VerdictReason, 0>);
const PROOFS = Object.keys({
  REPORT: 0,
  REFUSED: 0,
  INVENTORY: 0,
  NEW_BOOT: 0,
  NEVER_SENT: 0,
  WAIT: 0,
  OPERATOR: 0,
  OVERLAP: 0,
} satisfies Record<Proof, 0>);

const root = dirname(dirname(import.meta.dirname));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('docs/errors.md', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| ([A-Z_]+) \| \S/gm)];

  it('has each reason of the API, with its code', () => {
    expect(Object.fromEntries(rows.map(([, reason, code]) => [reason, code]))).toEqual(errorCodes);
    const reasons = ErrorReasonSchema.values.filter(({ number }) => number !== 0).map(({ localName }) => localName);
    expect(new Set(rows.map(([, reason]) => reason))).toEqual(new Set(reasons));
  });

  it('has the limits of messages that are in force', () => {
    const [row = ''] = read('docs/errors.md').match(/^\| `MESSAGE_TOO_LARGE` .*$/m) ?? [];
    expect(row).toContain(`${LIMITS.requestBytes / 2 ** 20} MiB`);
    expect(row).toContain(`${LIMITS.agentMessageBytes / 2 ** 10} KiB`);
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

  it('explains each word that lists, explanations and proofs show', () => {
    const enums = [LivenessSchema, IntentSchema, LoadSchema, RunStateSchema, AttemptStateSchema, EndCauseSchema];
    const states = enums
      .flatMap(({ values }) => values.filter(({ number }) => number !== 0))
      .map((one) => one.localName);
    // An open gate is shown as "yes".
    const gates = GateSchema.values.filter(({ number }) => number > 1).map(({ localName }) => localName);
    const [, section = ''] = text.split('## Words on the screen');
    const explained = new Set([...section.matchAll(/`([A-Z_]+)`/g)].map(([, word = '']) => word));
    const shown = [...states, ...gates, ...VERDICTS, ...PROOFS];
    expect(shown.filter((word) => !explained.has(word))).toEqual([]);
  });

  it('has each exit code', () => {
    const rows = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(rows).toEqual(Object.values(EXIT));
  });
});
