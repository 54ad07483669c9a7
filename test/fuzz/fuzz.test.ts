import { describe, expect, it } from 'vitest';
import { testSeed } from '../seed.ts';
import { fuzz } from './fuzz-run.ts';

/** LOCUM_FUZZ_MESSAGES of the environment says how many. */
const messages = Number(process.env['LOCUM_FUZZ_MESSAGES'] ?? 100_000);
const seed = testSeed();
// Most answers are refusals, and each would keep a stack that nobody reads. `npm run fuzz` with the same seed shows that of a defect whole.
Error.stackTraceLimit = 3;

describe('requests to every method, and agents that hold attempts', () => {
  it(`stop nobody, whatever they say: ${messages} messages`, async () => {
    const report = await fuzz({ messages, seed, batch: 5_000 });
    const { clientMs, agentMs, violations, starved } = report;
    const figures = `seed ${seed}: a healthy client waited ${clientMs.toFixed(0)} ms, a healthy agent ${agentMs.toFixed(0)} ms at worst`;
    console.log(figures, ...starved);
    expect(violations, figures).toEqual([]);
    expect(report.messages).toBe(messages);
    // Answers of all kinds came: the fuzzer reaches more than the doorstep.
    expect([...report.codes.keys()]).toEqual(expect.arrayContaining(['ok', 'invalid_argument', 'not_found']));
  }, 1_800_000);
});
