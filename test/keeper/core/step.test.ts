import { describe, expect, it } from 'vitest';
import { stateOf } from '../../../keeper/core/attempt.ts';
import { deadlineAfter } from '../../../shared/lease-clock.ts';
import { TERMS, VirtualKeeper } from './virtual-keeper.ts';

describe('a start', () => {
  it('is spent, written, prepared, written down with its place, and only then let through the gate', () => {
    const keeper = VirtualKeeper.serving();
    const from = keeper.effects.length;
    const request = keeper.start();
    const order = keeper.effects.slice(from).map((effect) => effect.kind);
    expect(order.filter((kind) => ['write', 'prepare', 'open_gate', 'answer'].includes(kind))).toEqual([
      ...['write', 'prepare', 'write', 'open_gate', 'answer'],
    ]);
    expect(keeper.answerTo(request)).toMatchObject({ ok: true, pid: 77 });
    expect(keeper.written.attempts.get('job-1')?.place).toMatchObject({ pid: 77 });
  });

  it('is refused when its deadline passed while the disk was slow, and what waits at the gate is killed', () => {
    const keeper = VirtualKeeper.serving();
    keeper.disk = 'never';
    const request = keeper.start();
    keeper.advance(TERMS.leaseMs + 1);
    expect(keeper.answerTo(request)).toMatchObject({ ok: false, reason: 'DEADLINE_PAST' });
    expect(keeper.ofKind('discard')).toHaveLength(1);
    keeper.push({ kind: 'written', write: 1, problem: undefined });
    expect(keeper.ofKind('open_gate')).toEqual([]);
  });

  it('whose record arrives together with its deadline looks at the clocks first', () => {
    const keeper = VirtualKeeper.serving();
    keeper.disk = 'never';
    const request = keeper.start();
    keeper.push({ kind: 'written', write: 1, problem: undefined });
    // No timer fires: the process was paused.
    keeper.mono += TERMS.leaseMs;
    keeper.push({ kind: 'written', write: 2, problem: undefined });
    expect(keeper.ofKind('open_gate')).toEqual([]);
    expect(keeper.answerTo(request)).toMatchObject({ reason: 'DEADLINE_PAST' });
  });

  it('that the disk does not take is refused for the reason of the disk, and its epoch is spent', () => {
    const keeper = VirtualKeeper.serving();
    keeper.disk = 'full';
    expect(keeper.answerTo(keeper.start())).toMatchObject({ ok: false, reason: 'NO_SPACE' });
    expect(keeper.attempt().ended?.end).toMatchObject({ cause: 'REFUSED', hostProblem: 'NO_SPACE' });
    keeper.disk = 'takes';
    expect(keeper.answerTo(keeper.start())).toMatchObject({ reason: 'EPOCH_SPENT' });
    expect(keeper.answerTo(keeper.start({ epoch: 2 }))).toMatchObject({ ok: true });
  });

  it('is refused before anything is made while the host has a problem', () => {
    const keeper = VirtualKeeper.serving();
    keeper.push({ kind: 'host_problems', problems: [{ kind: 'NO_PROCESSES', detail: 'fork: try again' }] });
    expect(keeper.answerTo(keeper.start())).toMatchObject({ ok: false, reason: 'NO_PROCESSES' });
    expect(keeper.ofKind('prepare')).toEqual([]);
    expect(keeper.state.living.size).toBe(0);
    keeper.push({ kind: 'host_problems', problems: [] });
    expect(keeper.answerTo(keeper.start({ epoch: 2 }))).toMatchObject({ ok: true });
  });

  it('that is stopped before its gate opened never opens it', () => {
    const keeper = VirtualKeeper.serving();
    keeper.disk = 'never';
    const request = keeper.start();
    keeper.ask({ kind: 'stop', attempt: { run: 'job', epoch: 1 }, reason: { cause: 'STOPPED', detail: 'unwanted' } });
    expect(keeper.answerTo(request)).toMatchObject({ reason: 'STOPPED', detail: 'unwanted' });
    expect(keeper.attempt().ended?.end).toMatchObject({ cause: 'STOPPED', proof: 'nothing of it ever ran' });
    keeper.push({ kind: 'written', write: 1, problem: undefined });
    expect(keeper.ofKind('prepare')).toEqual([]);
  });

  it('whose shell dies at the gate is refused', () => {
    const keeper = VirtualKeeper.serving();
    keeper.disk = 'never';
    const request = keeper.start();
    keeper.push({ kind: 'written', write: 1, problem: undefined });
    keeper.push(keeper.reaped('job-1', 'SIGKILL'));
    expect(keeper.answerTo(request)).toMatchObject({ reason: 'SPAWN_FAILED' });
  });
});

describe('a running attempt', () => {
  it('is told to end at its deadline, is killed G later, and has ended once its tree is empty', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.advance(TERMS.leaseMs);
    expect(keeper.ofKind('terminate')).toHaveLength(1);
    keeper.advance(TERMS.stopTimeoutMs - 2);
    expect(keeper.ofKind('kill')).toHaveLength(0);
    keeper.advance(2);
    expect(keeper.ofKind('kill')).toHaveLength(1);
    expect(keeper.attempt().ended?.end).toMatchObject({ cause: 'LAPSED', signal: 'SIGKILL' });
  });

  it('lives on while its deadline is moved, and cannot be revived by an extension that was queued behind a pause', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    for (let i = 0; i < 5; i += 1) {
      keeper.advance(15_000);
      expect(keeper.answerTo(keeper.extend(20_000))).toMatchObject({ refused: [] });
    }
    keeper.mono += 20_000;
    const late = keeper.extend(20_000);
    expect(keeper.answerTo(late)).toMatchObject({ refused: [{ run: 'job', epoch: 1 }] });
    expect(keeper.ofKind('terminate')).toHaveLength(1);
  });

  it('counts a suspend that only boot time has seen', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.advance(5_000);
    keeper.suspendedMs += 60_000;
    keeper.push({ kind: 'tick' });
    expect(keeper.ofKind('kill')).toHaveLength(1);
  });

  it('whose first process ended has ended only when the rest of its tree has, which gets the grace of a stop', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.push(keeper.reaped('job-1'));
    expect(keeper.ofKind('terminate')).toHaveLength(1);
    expect(keeper.attempt().ended).toBeUndefined();
    keeper.advance(5_000);
    keeper.alive.clear();
    keeper.advance(300);
    expect(keeper.attempt().ended?.end).toMatchObject({ cause: 'EXITED', exitCode: 0 });
  });

  it('that no kill can end is killed again every second and called STUCK after K', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.unkillable = true;
    keeper.ask({ kind: 'stop', attempt: { run: 'job', epoch: 1 }, reason: { cause: 'STOPPED', detail: '' } });
    keeper.advance(TERMS.stopTimeoutMs + TERMS.killGuardMs + 10);
    expect(stateOf(keeper.attempt())).toBe('STUCK');
    expect(keeper.ofKind('kill').length).toBeGreaterThanOrEqual(5);
    keeper.unkillable = false;
    keeper.advance(1_100);
    expect(keeper.attempt().ended?.end).toMatchObject({ cause: 'STOPPED' });
  });

  it('of HOLD outlives its deadline', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start({ terms: { ...TERMS, onDisconnect: 'HOLD' } });
    keeper.advance(10 * TERMS.leaseMs);
    expect(stateOf(keeper.attempt())).toBe('RUNNING');
  });
});

describe('a ping', () => {
  it('is answered only when the hands were proven to work just now', () => {
    const keeper = VirtualKeeper.serving();
    keeper.ask({ kind: 'ping', highestTerm: 3 });
    expect(keeper.ofKind('pong')).toHaveLength(1);
    keeper.hands = 'the probe cgroup can not be killed';
    keeper.ask({ kind: 'ping', highestTerm: 3 });
    expect(keeper.ofKind('pong')).toHaveLength(1);
    expect(keeper.written.highestTerm).toBe(3);
  });

  it('makes the keeper look at what is overdue first', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.mono += TERMS.leaseMs;
    const from = keeper.effects.length;
    keeper.ask({ kind: 'ping', highestTerm: 1 });
    const order = keeper.effects.slice(from).map(({ kind }) => kind);
    expect(order.indexOf('terminate')).toBeLessThan(order.indexOf('pong'));
    expect(order).toContain('terminate');
  });
});

describe('agents', () => {
  it('are served one at a time: what an older connection sent and was not read counts no more', () => {
    const keeper = VirtualKeeper.serving();
    keeper.push({ kind: 'attached', agent: 2, description: 'the next agent' });
    expect(keeper.ofKind('disconnect')).toMatchObject([{ agent: 1 }]);
    keeper.start();
    expect(keeper.state.living.size).toBe(0);
    keeper.push({ kind: 'detached', agent: 1 });
    expect(keeper.state.agent).toBe(2);
  });
});

describe('how long a keeper stays', () => {
  it('ends when there was no agent and nothing that lives for its idle time', () => {
    const keeper = VirtualKeeper.serving();
    keeper.push({ kind: 'detached', agent: 1 });
    keeper.advance(29_000);
    expect(keeper.ofKind('end')).toEqual([]);
    keeper.advance(1_100);
    expect(keeper.ofKind('end')).toEqual([{ kind: 'end', code: 0 }]);
  });

  it('tells the agent of a shutdown, and stops what lives when that does not drain in time', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.push({ kind: 'shutdown', withinMs: 5_000 });
    expect(keeper.ofKind('tell_leaving')).toMatchObject([{ withinMs: 5_000 }]);
    expect(keeper.answerTo(keeper.start({ run: 'other' }))).toMatchObject({ reason: 'LEAVING' });
    keeper.advance(4_900);
    expect(keeper.ofKind('terminate')).toEqual([]);
    keeper.advance(200);
    expect(keeper.ofKind('terminate')).toHaveLength(1);
    keeper.alive.clear();
    keeper.push(keeper.reaped('job-1', 'SIGTERM'));
    expect(keeper.ofKind('end')).toEqual([{ kind: 'end', code: 0 }]);
  });

  it('has stopped what ends by itself once the host shuts down, since who stops a container may tell every process in it', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.push({ kind: 'shutdown', withinMs: 5_000 });
    keeper.alive.clear();
    keeper.push(keeper.reaped('job-1', 'SIGTERM'));
    keeper.ask({ kind: 'stop', attempt: { run: 'job', epoch: 1 }, reason: { cause: 'STOPPED', detail: 'late' } });
    expect(keeper.attempt().ended?.end).toMatchObject({
      cause: 'LAPSED',
      signal: 'SIGTERM',
      detail: 'the host shuts down',
    });
  });

  it('gives up on what can not be killed, and says so by its exit code', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.unkillable = true;
    keeper.ask({ kind: 'exit', stopAll: true, forget: false });
    keeper.advance(TERMS.stopTimeoutMs + TERMS.killGuardMs + 1_100);
    expect(keeper.ofKind('end')).toEqual([{ kind: 'end', code: 1 }]);
  });

  it('gives up no later when it is told to end again and again', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    keeper.unkillable = true;
    keeper.push({ kind: 'detached', agent: 1 });
    for (let second = 0; second < 17; second += 1) {
      keeper.push({ kind: 'shutdown', withinMs: 10_000 });
      keeper.advance(1_000);
    }
    expect(keeper.ofKind('end')).toEqual([{ kind: 'end', code: 1 }]);
  });
});

describe('ends', () => {
  it('stay in the table until they are forgotten; what lives is not forgotten', () => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    const attempts = [{ run: 'job', epoch: 1 }];
    expect(keeper.answerTo(keeper.ask({ kind: 'forget', attempts }))).toMatchObject({ reason: 'NOT_ENDED' });
    keeper.alive.clear();
    keeper.push(keeper.reaped('job-1'));
    expect(keeper.written.attempts.has('job-1')).toBe(true);
    keeper.ask({ kind: 'forget', attempts });
    expect(keeper.state.attempts.size).toBe(0);
    expect(keeper.written.attempts.size).toBe(0);
  });

  it('of a stop for an attempt that is not here spend its epoch', () => {
    const keeper = VirtualKeeper.serving();
    const reason = { cause: 'STOPPED', detail: '' } as const;
    const request = keeper.ask({ kind: 'stop', attempt: { run: 'job', epoch: 4 }, reason });
    expect(keeper.answerTo(request)).toMatchObject({ reason: 'NOT_FOUND' });
    expect(keeper.answerTo(keeper.start({ epoch: 3 }))).toMatchObject({ reason: 'EPOCH_SPENT' });
  });

  it('of a start with a deadline in the past are refused at once', () => {
    const keeper = VirtualKeeper.serving();
    const request = keeper.start({ deadline: deadlineAfter(keeper.now, -1) });
    expect(keeper.answerTo(request)).toMatchObject({ reason: 'DEADLINE_PAST' });
  });
});

describe('an attempt of which the kernel killed something for want of memory', () => {
  const ended = (code: number | undefined, told = false) => {
    const keeper = VirtualKeeper.serving();
    keeper.start();
    if (told) keeper.ask({ kind: 'stop', attempt: { run: 'job', epoch: 1 }, reason: { cause: 'STOPPED', detail: '' } });
    keeper.memoryKill = 'its host had no memory left';
    keeper.alive.clear();
    const signal = code === undefined ? 'SIGKILL' : '';
    keeper.push({ kind: 'reaped', attempt: 'job-1', exit: { code, signal } });
    return keeper.attempt().ended?.end;
  };

  it('ended by that when it failed', () => {
    const detail = 'its host had no memory left';
    expect(ended(undefined)).toMatchObject({ cause: 'OUT_OF_MEMORY', signal: 'SIGKILL', detail });
    expect(ended(1)).toMatchObject({ cause: 'OUT_OF_MEMORY', exitCode: 1, detail });
  });

  it('ended as it did when it ended well or was told to', () => {
    expect(ended(0)).toMatchObject({ cause: 'EXITED', exitCode: 0, detail: '' });
    expect(ended(undefined, true)).toMatchObject({ cause: 'STOPPED' });
  });
});
