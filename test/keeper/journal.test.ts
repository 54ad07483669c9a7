import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../../keeper/journal.ts';
import {
  attemptRecord,
  cgroupBaseRecord,
  forgottenRecord,
  highestTermRecord,
  type JournalState,
  spentRecord,
} from '../../keeper/journal-state.ts';
import { KeptAttemptSchema } from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { AttemptState } from '../../shared/gen/locum/v1/run_pb.ts';

describe('the journal', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-journal-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const path = () => join(folder, 'keeper.journal');
  const attempt = (run: string, state: AttemptState) =>
    attemptRecord({ kept: create(KeptAttemptSchema, { status: { run, epoch: 7n, state } }), bootId: 'boot' });
  const reopen = async (): Promise<{ state: JournalState; unread: number }> => {
    const { journal, unread } = await Journal.open(path());
    await journal.close();
    return { state: journal.state, unread };
  };

  it('tells the next keeper what was spent, what ran and what ended', async () => {
    const { journal } = await Journal.open(path());
    await Promise.all([
      journal.append(spentRecord('a-1', 7)),
      journal.append(attempt('a-1', AttemptState.STARTING)),
      journal.append(attempt('b-1', AttemptState.STARTING)),
      journal.append(attempt('a-1', AttemptState.ENDED)),
      journal.append(forgottenRecord('b-1', 7)),
      journal.append(highestTermRecord(9)),
      journal.append(highestTermRecord(8)),
      journal.append(cgroupBaseRecord('/locum-x')),
    ]);
    await journal.close();
    const { state, unread } = await reopen();
    expect(unread).toBe(0);
    expect(state.spent.isSpent('a-1', 7)).toBe(true);
    expect(Array.from(state.attempts.values(), ({ kept }) => kept?.status?.state)).toEqual([AttemptState.ENDED]);
    expect([state.highestTerm, ...state.cgroupBases]).toEqual([9, '/locum-x']);
  });

  it('holds a record as soon as its append resolves', async () => {
    const { journal } = await Journal.open(path());
    await journal.append(spentRecord('a-1', 7));
    expect(readFileSync(path(), 'utf8')).toContain('"a-1"');
    await journal.close();
  });

  it('leaves out a last line that was cut short, and nothing before it', async () => {
    const { journal } = await Journal.open(path());
    await journal.append(spentRecord('a-1', 7));
    await journal.append(spentRecord('b-1', 8));
    await journal.close();
    truncateSync(path(), readFileSync(path()).length - 4);
    const { state, unread } = await reopen();
    expect(unread).toBe(1);
    expect([state.spent.isSpent('a-1', 7), state.spent.isSpent('b-1', 8)]).toEqual([true, false]);
  });

  it('reads past lines of a newer version', async () => {
    appendFileSync(path(), '{"newer":{"what":1}}\n{"spent":{"run":"a-1","epoch":"7","since":"2"}}\n');
    const { state, unread } = await reopen();
    expect([unread, state.spent.isSpent('a-1', 7)]).toEqual([0, true]);
  });

  it('is written anew, without what is outdated, when it is opened', async () => {
    const { journal } = await Journal.open(path());
    for (let epoch = 1; epoch <= 100; epoch += 1) await journal.append(spentRecord('a-1', epoch));
    await journal.close();
    const before = readFileSync(path()).length;
    const { state } = await reopen();
    expect(readFileSync(path()).length).toBeLessThan(before / 50);
    expect(state.spent.isSpent('a-1', 100)).toBe(true);
  });

  it('is written anew while it is open, when it has grown', async () => {
    const { journal } = await Journal.open(path());
    const long = 'x'.repeat(100_000);
    for (let i = 0; i < 60; i += 1) await journal.append(cgroupBaseRecord(`/${long}`));
    await journal.append(spentRecord('a-1', 7));
    await journal.close();
    expect(readFileSync(path()).length).toBeLessThan(3_000_000);
    const { state } = await reopen();
    expect([state.spent.isSpent('a-1', 7), state.cgroupBases.size]).toEqual([true, 1]);
  });
});
