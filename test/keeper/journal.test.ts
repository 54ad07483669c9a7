import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptEnd } from '../../keeper/core/attempt.ts';
import { foldRecord, type JournalRecord, nothingRecovered, recordsOf } from '../../keeper/core/record.ts';
import { Journal, readJournal } from '../../keeper/disk/journal.ts';

describe('the journal', () => {
  let folder = '';
  let known = nothingRecovered();
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-journal-test-'));
    known = nothingRecovered();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const path = () => join(folder, 'keeper.journal');
  const spent = (run: string, epoch: number): JournalRecord => ({ kind: 'spent', run, epoch });
  const end: AttemptEnd = {
    cause: 'LAPSED',
    detail: 'why',
    exitCode: 3,
    signal: '',
    proof: 'proof',
    hostProblem: 'NO_SPACE',
  };
  const attempt = (run: string, ended: boolean): JournalRecord => ({
    kind: 'attempt',
    attempt: {
      ...{ run, epoch: 7, policy: 'p', slots: 2, deadline: { mono: 5, boot: 6 }, bootId: 'boot' },
      frozen: { onDisconnect: 'HOLD', leaseMs: 20_000, stopTimeoutMs: 1_500, killGuardMs: 5_000 },
      place: { pid: 99, startTicks: 1234, cgroup: '/locum/x' },
      startWall: 1_700_000_000_000,
      ended: ended ? { end, wall: 1_700_000_001_000 } : undefined,
    },
  });

  /** A journal that is opened as a keeper does, with what it says kept as a core does. */
  const open = async () => {
    const { recovered } = await readJournal(path());
    known = recovered;
    const journal = new Journal({ path: path(), limitMs: 5_000, snapshot: () => recordsOf(known) });
    await journal.open();
    const append = (record: JournalRecord): Promise<void> => {
      foldRecord(known, record);
      return journal.append(record);
    };
    return { journal, append };
  };

  it('tells the next keeper what was spent, what ran and what ended, every word of it', async () => {
    const { journal, append } = await open();
    await Promise.all([
      append(spent('a-1', 7)),
      append(attempt('a-1', false)),
      append(attempt('b-1', false)),
      append(attempt('a-1', true)),
      append(attempt('c-1', false)),
      append({ kind: 'forgotten', run: 'b-1', epoch: 7 }),
      append({ kind: 'highest_term', term: 9 }),
      append({ kind: 'highest_term', term: 8 }),
      append({ kind: 'cgroup_base', base: '/locum-x' }),
    ]);
    await journal.close();
    const { recovered, unread } = await readJournal(path());
    expect(unread).toBe(0);
    expect(recovered.spent.isSpent('a-1', 7)).toBe(true);
    const kept = [attempt('a-1', true), attempt('c-1', false)];
    expect([...recovered.attempts.values()].map((value) => ({ kind: 'attempt', attempt: value }))).toEqual(kept);
    expect([recovered.highestTerm, ...recovered.cgroupBases]).toEqual([9, '/locum-x']);
  });

  it('holds what came while it was written anew, also when more came than may wait', async () => {
    const long = (index: number): JournalRecord => spent(`${'x'.repeat(200)}-${index}`, 7);
    const records = Array.from({ length: 6_000 }, (_, index) => long(index));
    const appends: Promise<void>[] = [];
    const append = (record: JournalRecord): void => {
      foldRecord(known, record);
      appends.push(journal.append(record));
    };
    let flood = (): void => records.forEach(append);
    const snapshot = (): JournalRecord[] => {
      // Once the snapshot is taken, and before it is on the disk.
      queueMicrotask(flood);
      flood = () => undefined;
      return [...recordsOf(known)];
    };
    const journal = new Journal({ path: path(), limitMs: 20_000, snapshot });
    const opened = journal.open();
    append(spent('first', 7));
    await opened;
    await Promise.all(appends);
    const { recovered, unread } = await readJournal(path());
    const missing = [spent('first', 7), ...records].filter(
      (record) => record.kind === 'spent' && !recovered.spent.isSpent(record.run, record.epoch),
    );
    expect([appends.length, missing, unread]).toEqual([6_001, [], 0]);
    await journal.close();
  });

  it('holds a record as soon as its append resolves', async () => {
    const { journal, append } = await open();
    await append(spent('a-1', 7));
    expect(readFileSync(path(), 'utf8')).toContain('"a-1"');
    await journal.close();
  });

  it('leaves out a last line that was cut short, and nothing before it', async () => {
    const { journal, append } = await open();
    await append(spent('a-1', 7));
    await append(spent('b-1', 8));
    await journal.close();
    truncateSync(path(), readFileSync(path()).length - 4);
    const { recovered, unread } = await readJournal(path());
    expect(unread).toBe(1);
    expect([recovered.spent.isSpent('a-1', 7), recovered.spent.isSpent('b-1', 8)]).toEqual([true, false]);
  });

  it('reads past lines of a newer version', async () => {
    appendFileSync(path(), '{"newer":{"what":1}}\n{"spent":{"run":"a-1","epoch":"7","since":"2"}}\n');
    const { recovered, unread } = await readJournal(path());
    expect([unread, recovered.spent.isSpent('a-1', 7)]).toEqual([0, true]);
  });

  it('is written anew, without what is outdated, when it is opened', async () => {
    const { journal, append } = await open();
    for (let epoch = 1; epoch <= 100; epoch += 1) await append(spent('a-1', epoch));
    await journal.close();
    const before = readFileSync(path()).length;
    await (await open()).journal.close();
    expect(readFileSync(path()).length).toBeLessThan(before / 50);
    expect((await readJournal(path())).recovered.spent.isSpent('a-1', 100)).toBe(true);
  });

  it('is written anew while it is open, when it has grown', async () => {
    const { journal, append } = await open();
    const long = 'x'.repeat(100_000);
    for (let i = 0; i < 60; i += 1) await append({ kind: 'cgroup_base', base: `/${long}` });
    await append(spent('a-1', 7));
    await journal.close();
    expect(readFileSync(path()).length).toBeLessThan(3_000_000);
    const { recovered } = await readJournal(path());
    expect([recovered.spent.isSpent('a-1', 7), recovered.cgroupBases.size]).toEqual([true, 1]);
  });

  it('that the disk does not take is said at once, and written when it does', async () => {
    // In the place of the file: it can be neither written nor replaced.
    mkdirSync(join(path(), 'in-the-way'), { recursive: true });
    const journal = new Journal({ path: path(), snapshot: () => recordsOf(known) });
    await expect(journal.open()).rejects.toThrow('EISDIR');
    foldRecord(known, spent('a-1', 7));
    await expect(journal.append(spent('a-1', 7))).rejects.toThrow(/EISDIR|ENOTEMPTY/);
    expect(journal.problem).toBeDefined();
    rmSync(path(), { recursive: true });
    await journal.retry();
    expect(journal.problem).toBeUndefined();
    await journal.close();
    expect((await readJournal(path())).recovered.spent.isSpent('a-1', 7)).toBe(true);
  });
});
