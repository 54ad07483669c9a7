/** Ends are proven: what the supervisor makes of trees that a test holds in its hands. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Attempt, stateOf } from '../../keeper/attempt.ts';
import { AttemptTable } from '../../keeper/attempt-table.ts';
import { Journal } from '../../keeper/journal.ts';
import { Supervisor } from '../../keeper/supervisor.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { readClocks } from '../../shared/host/clocks.ts';
import type { Tree } from '../../shared/host/containment.ts';
import { deadlineAfter } from '../../shared/lease-clock.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';

const { RUNNING, STOPPING, STUCK, ENDED } = AttemptState;

/** A tree that lives until a test empties it. */
class FakeTree implements Tree {
  readonly cgroup = '';
  readonly signals: string[] = [];
  populated = true;
  onChange: () => void = () => undefined;

  async terminate(): Promise<void> {
    this.signals.push('SIGTERM');
  }
  async kill(): Promise<void> {
    this.signals.push('SIGKILL');
  }
  async isEmpty(): Promise<boolean> {
    return !this.populated;
  }
  watch(onChange: () => void): () => void {
    this.onChange = onChange;
    return () => undefined;
  }
  async remove(): Promise<void> {
    if (this.populated) throw new Error('a tree that lives is not removed');
  }
  empty(): void {
    this.populated = false;
    this.onChange();
  }
}

describe('the supervisor', () => {
  let folder = '';
  let journal: Journal;
  let supervisor: Supervisor;
  let table: AttemptTable;
  const errors: string[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locum-supervisor-test-'));
    ({ journal } = await Journal.open(join(folder, 'journal')));
    table = new AttemptTable(2);
    const log = { info: () => undefined, warn: () => undefined, error: (text: string) => errors.push(text) };
    supervisor = new Supervisor({
      table,
      journal,
      bootId: '',
      log,
      onChange: (attempt) => states.push(stateOf(attempt)),
    });
  });
  afterEach(async () => {
    supervisor.close();
    await journal.close();
    errors.length = 0;
    states.length = 0;
    rmSync(folder, { recursive: true });
  });

  /** Every state that an agent would have been told, in order. */
  const states: AttemptState[] = [];

  const running = (times: { leaseMs?: number; graceMs?: number; guardMs?: number }, run = 'job-1') => {
    const tree = new FakeTree();
    const attempt = new Attempt({
      run,
      epoch: 1,
      policy: 'job',
      deadline: deadlineAfter(readClocks(), times.leaseMs ?? 60_000),
      frozen: {
        onDisconnect: OnDisconnect.STOP,
        lease: undefined,
        stopTimeout: toDuration(times.graceMs ?? 60_000),
        killGuard: toDuration(times.guardMs ?? 60_000),
        slots: 1,
      },
    });
    attempt.tree = tree;
    attempt.stage = { kind: 'running' };
    attempt.startWallMs = 1;
    supervisor.admit(attempt);
    return { attempt, tree };
  };
  const told = async (state: AttemptState) => {
    await expect.poll(() => states.at(-1), { timeout: 10_000 }).toBe(state);
  };

  it('reports no end while the first process is not reaped, though the tree is empty', async () => {
    const { attempt, tree } = running({ leaseMs: 30, graceMs: 30 });
    tree.empty();
    await expect.poll(() => tree.signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(states).toEqual([RUNNING, STOPPING]);
    supervisor.reaped(attempt, { code: undefined, signal: 'SIGKILL' });
    await attempt.whenEnded.promise;
    expect(states).toEqual([RUNNING, STOPPING, ENDED]);
    expect(attempt.ended?.end).toMatchObject({ cause: EndCause.LAPSED, signal: 'SIGKILL' });
  });

  it('reports no end while the tree is not empty, though the first process is reaped', async () => {
    const { attempt, tree } = running({ graceMs: 30 });
    supervisor.reaped(attempt, { code: 0, signal: '' });
    await expect.poll(() => tree.signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(attempt.ended).toBeUndefined();
    tree.empty();
    await attempt.whenEnded.promise;
    expect(attempt.ended?.end).toMatchObject({ cause: EndCause.EXITED, exitCode: 0 });
  });

  it('sees an empty tree even when nothing reports it', async () => {
    const { attempt, tree } = running({});
    supervisor.reaped(attempt, { code: 0, signal: '' });
    await told(STOPPING);
    tree.populated = false;
    await attempt.whenEnded.promise;
    expect(states).toEqual([RUNNING, STOPPING, ENDED]);
  });

  it('reports a tree that outlives the kill guard as stuck, goes on trying, and ends it once it is empty', async () => {
    const { attempt, tree } = running({ graceMs: 0, guardMs: 50 });
    supervisor.stop(attempt, { cause: EndCause.STOPPED, detail: '' });
    supervisor.reaped(attempt, { code: undefined, signal: 'SIGKILL' });
    await told(STUCK);
    expect(errors).toEqual(["can't kill the process tree of job-1-1"]);
    await expect.poll(() => tree.signals.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(2);
    tree.empty();
    await attempt.whenEnded.promise;
    expect(states).toEqual([RUNNING, STOPPING, STUCK, ENDED]);
  });

  it('extends nothing that has begun to stop', async () => {
    const { attempt } = running({ leaseMs: 20 });
    await told(STOPPING);
    expect(supervisor.extend(attempt, deadlineAfter(readClocks(), 60_000))).toBe(false);
  });

  it('keeps a bounded number of ended attempts, and living ones always', async () => {
    const living = running({}, 'living-1');
    for (const run of ['a-1', 'b-1', 'c-1']) {
      const { attempt, tree } = running({}, run);
      tree.empty();
      supervisor.reaped(attempt, { code: 0, signal: '' });
      await attempt.whenEnded.promise;
    }
    expect(Array.from(table.all(), ({ run }) => run)).toEqual(['living-1', 'b-1', 'c-1']);
    expect([...table.living]).toEqual([living.attempt]);
    expect(Array.from(journal.state.attempts.keys())).toEqual(['b-1-1', 'c-1-1']);
  });
});
