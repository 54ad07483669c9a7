/** From a start to a program: what can come in between. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attemptOf } from '../../keeper/attempt.ts';
import { AttemptFolders } from '../../keeper/attempt-folders.ts';
import { detectContainment } from '../../keeper/containment-detection.ts';
import { refuse } from '../../keeper/core/refusal.ts';
import type { ProcessExit } from '../../keeper/gate.ts';
import { Journal } from '../../keeper/journal.ts';
import { PipeMaker } from '../../keeper/output-pipe.ts';
import { type StartTools, startProgram } from '../../keeper/start-flow.ts';
import { readClocks } from '../../shared/host/clocks.ts';
import type { NewTree } from '../../shared/host/containment.ts';
import { isPast } from '../../shared/lease-clock.ts';
import { eventually, written } from './rig.ts';
import { type StartOptions, startRequest } from './start-request.ts';

describe('a start', () => {
  let folder = '';
  let tools: StartTools & { readonly journal: Journal };
  let exits: ProcessExit[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locum-start-test-'));
    const { journal } = await Journal.open(join(folder, 'journal'));
    const { containment } = await detectContainment({ key: 'test', earlierBases: [], strongest: 'process-group' });
    const pipes = new PipeMaker(join(folder, 'pipes'));
    await pipes.prepare();
    exits = [];
    tools = {
      ...{ journal, containment, pipes, folders: new AttemptFolders(folder), key: 'test', bootId: 'boot' },
      onReaped: (_, exit) => exits.push(exit),
    };
  });
  afterEach(async () => {
    await tools.pipes.close();
    await tools.journal.close().catch(() => undefined);
    rmSync(folder, { recursive: true });
  });

  const witness = () => join(folder, 'witness');
  const begin = (options: Partial<StartOptions> = {}) => {
    const start = startRequest('job-1', { does: `echo ran > ${witness()}`, ...options });
    const { monotonicMs = 0, bootMs = 0 } = start.deadline ?? {};
    return { start, attempt: attemptOf(start, { mono: monotonicMs, boot: bootMs }) };
  };
  /** The same containment, where something happens once the first process waits at its gate. */
  const atTheGate = (happens: () => void | Promise<void>): StartTools => {
    const journal: Pick<Journal, 'append'> = {
      append: async (record) => {
        await tools.journal.append(record);
        if (record.record.case === 'attempt') await happens();
      },
    };
    return { ...tools, journal };
  };

  it('runs its program, and the journal knows the process before it runs', async () => {
    const { start, attempt } = begin();
    let known: number | undefined;
    const flow = startProgram(
      attempt,
      start,
      atTheGate(() => {
        expect(existsSync(witness())).toBe(false);
        [known] = Array.from(tools.journal.state.attempts.values(), ({ kept }) => kept?.status?.pid);
      }),
    );
    expect(await flow).toBeUndefined();
    expect(known).toBe(attempt.pid);
    expect(await written(witness())).toBe('ran');
    expect(attempt.stage.kind).toBe('running');
  });

  it('looks at the clocks just before the program would run, whatever went before', async () => {
    const { start, attempt } = begin({ deadlineMs: 300 });
    const untilPast = () => eventually('D', () => (isPast(attempt.deadline, readClocks()) ? true : undefined));
    const flow = startProgram(
      attempt,
      start,
      atTheGate(async () => {
        await untilPast();
      }),
    );
    expect(await flow).toMatchObject({ reason: 'DEADLINE_PAST' });
    await expect.poll(() => exits).toEqual([{ code: undefined, signal: 'SIGKILL' }]);
    expect(existsSync(witness())).toBe(false);
  });

  it('that is stopped while its first process waits at the gate never opens it', async () => {
    const { start, attempt } = begin();
    const flow = startProgram(
      attempt,
      start,
      atTheGate(() => {
        attempt.abandoned = refuse('STOPPED', 'by the test');
      }),
    );
    expect(await flow).toMatchObject({ reason: 'STOPPED' });
    await expect.poll(() => exits).toHaveLength(1);
    expect(existsSync(witness())).toBe(false);
  });

  it('that is stopped before there is a process makes none', async () => {
    const { start, attempt } = begin();
    let discarded = 0;
    const create = async (name: { readonly run: string; readonly epoch: number }): Promise<NewTree> => {
      attempt.abandoned = refuse('STOPPED', 'by the test');
      const tree = await tools.containment.create(name);
      const discard = async (): Promise<void> => {
        discarded += 1;
      };
      return { ...tree, discard };
    };
    const flow = startProgram(attempt, start, { ...tools, containment: { create } });
    expect(await flow).toMatchObject({ reason: 'STOPPED' });
    expect([attempt.gate, discarded]).toEqual([undefined, 1]);
  });

  it('whose epoch can not be written down makes no process', async () => {
    const { start, attempt } = begin();
    await tools.journal.close();
    expect(await startProgram(attempt, start, tools)).toMatchObject({ reason: 'IO_ERROR' });
    expect(attempt.gate).toBeUndefined();
  });

  it('whose process can not be written down kills it at the gate', async () => {
    const { start, attempt } = begin();
    const fail = () => Promise.reject(new Error('disk full'));
    expect(await startProgram(attempt, start, atTheGate(fail))).toMatchObject({ reason: 'IO_ERROR' });
    await expect.poll(() => exits).toEqual([{ code: undefined, signal: 'SIGKILL' }]);
    expect(existsSync(witness())).toBe(false);
  });
});
