import { describe, expect, it } from 'vitest';
import { epoch, runId } from '../../../shared/ids.ts';
import { RUN, TERM, TERMS, VirtualAgent } from './virtual-agent.ts';

const started = (agent: VirtualAgent): readonly string[] =>
  agent.keeper.asks('start').map(({ command }) => `${command.run}@${command.epoch}`);

describe('A3: a start', () => {
  it('runs with a lease from the send time of the heartbeat it is bound to', () => {
    const agent = new VirtualAgent().join();
    const helloAt = agent.now.mono;
    agent.pass(3_000);
    agent.start();
    expect(agent.keeper.asks('start')).toMatchObject([{ deadline: { mono: helloAt + 20_000 } }]);
    expect(agent.lastAnswer).toMatchObject({ outcome: 'APPLIED', pid: 101 });
  });

  it('is too late from one second before the end of that lease on', () => {
    const early = new VirtualAgent().join();
    early.pass(18_999);
    early.start();
    expect(early.lastAnswer?.outcome).toBe('APPLIED');
    const late = new VirtualAgent().join();
    late.pass(19_000);
    late.start();
    expect(late.lastAnswer).toMatchObject({ outcome: 'EXPIRED', reason: 'TOO_LATE' });
    expect(started(late)).toEqual([]);
  });

  it('is too late a tenth before the end of a lease below 10 s', () => {
    const agent = new VirtualAgent().join();
    agent.pass(1_799);
    agent.start({ terms: { ...TERMS, leaseMs: 2_000 } });
    expect(agent.lastAnswer?.outcome).toBe('APPLIED');
    agent.pass(1);
    agent.start({ run: runId('other-2'), epoch: epoch(8), terms: { ...TERMS, leaseMs: 2_000 } });
    expect(agent.lastAnswer?.outcome).toBe('EXPIRED');
  });

  it('that the keeper refuses for the host is refused with the kind of the problem, and for the policy without one', () => {
    const agent = new VirtualAgent().join();
    agent.keeper.refusal = { reason: 'NO_SPACE', detail: '/var/lib/locum is full' };
    agent.start();
    agent.keeper.refusal = { reason: 'PROGRAM_NOT_FOUND', detail: 'no space for nonsense' };
    agent.start({ run: runId('other-2'), epoch: epoch(8) });
    const answers = agent.said('command_result').map((one) => [one.outcome, one.endCause, one.hostProblem]);
    expect(answers).toEqual([
      ['REFUSED', 'REFUSED', 'NO_SPACE'],
      ['REFUSED', 'SPAWN_FAILED', undefined],
    ]);
  });

  it('that was refused does not run when it arrives again', () => {
    const agent = new VirtualAgent({ maxSlots: 1 }).join();
    const other = runId('other-1');
    agent.start({ run: other, epoch: epoch(3) });
    const command = agent.startCommand();
    agent.receive(command);
    expect(agent.lastAnswer).toMatchObject({ outcome: 'REFUSED', reason: 'RESOURCE_EXHAUSTED' });
    // There is room now.
    agent.handle(agent.keeper.end(other));
    agent.receive(command);
    expect(agent.said('command_result').map(({ reason }) => reason)).toEqual([
      '',
      'RESOURCE_EXHAUSTED',
      'RESOURCE_EXHAUSTED',
    ]);
    expect(started(agent)).toEqual(['other-1@3']);
  });

  it('that came too late spends its epoch all the same', () => {
    const agent = new VirtualAgent().join();
    const command = agent.startCommand();
    agent.pass(19_500);
    agent.receive(command);
    agent.advance(5_600);
    agent.receive({ ...command, commandId: 99, generation: 3, sequence: agent.lastSequence });
    expect(agent.said('command_result').map(({ outcome }) => outcome)).toEqual(['EXPIRED', 'EXPIRED']);
    expect(started(agent)).toEqual([]);
  });

  it('that arrives twice is done once and answered twice', () => {
    const agent = new VirtualAgent().join();
    const command = agent.startCommand();
    agent.receive(command);
    agent.receive(command);
    expect(agent.said('command_result').map(({ outcome }) => outcome)).toEqual(['APPLIED', 'ALREADY_APPLIED']);
    expect(started(agent)).toEqual(['import-1@7']);
  });

  it('that arrives again while the keeper still works on it gets one answer', () => {
    const agent = new VirtualAgent().join();
    agent.keeper.holdsStarts = true;
    const command = agent.startCommand();
    agent.receive(command);
    agent.receive(command);
    for (const event of agent.keeper.finishStarts()) agent.handle(event);
    expect(agent.said('command_result').map(({ outcome }) => outcome)).toEqual(['APPLIED']);
    expect(started(agent)).toEqual(['import-1@7']);
  });

  it('with an epoch at or below one that was stopped or ran here is stale', () => {
    const agent = new VirtualAgent().join();
    agent.stop(RUN, epoch(9));
    agent.start({ epoch: epoch(9) });
    agent.start({ epoch: epoch(8) });
    expect(agent.said('command_result').map(({ outcome }) => outcome)).toEqual(['ALREADY_APPLIED', 'STALE', 'STALE']);
    agent.start({ epoch: epoch(10) });
    expect(started(agent)).toEqual(['import-1@10']);
  });

  it('bound to a heartbeat of which no stamp is kept is expired', () => {
    const agent = new VirtualAgent().join();
    agent.start({ sequence: 3 });
    expect(agent.lastAnswer).toMatchObject({ outcome: 'EXPIRED', reason: 'HEARTBEAT_UNKNOWN' });
  });

  it('on a stream that was given up is not read', () => {
    const agent = new VirtualAgent().join();
    const old = agent.stream;
    agent.handle({ kind: 'closed', stream: old, reason: 'reset' });
    agent.start({}, { stream: old });
    expect(started(agent)).toEqual([]);
    expect(agent.said('command_result')).toEqual([]);
  });

  it('of a deposed leader closes the stream, whatever the message', () => {
    const agent = new VirtualAgent().join();
    agent.start({}, { term: TERM - 1 });
    expect(started(agent)).toEqual([]);
    expect(agent.ofKind('close_stream')).toMatchObject([{ stream: 1 }]);
    expect(agent.state.session).toBeUndefined();
  });

  it('on the old stream is stale once an inventory has left on a newer one', () => {
    const agent = new VirtualAgent().join();
    const old = agent.stream;
    agent.advance(9_600);
    agent.connect();
    agent.start({}, { stream: old });
    expect(agent.lastAnswer).toMatchObject({ outcome: 'STALE', reason: 'INVENTORY_SENT' });
    agent.welcome();
    agent.start();
    expect(agent.lastAnswer?.outcome).toBe('STALE');
    expect(started(agent)).toEqual([]);
  });

  it('is refused while an older attempt of the run lives here', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.start({ epoch: epoch(8) });
    expect(agent.lastAnswer).toMatchObject({ outcome: 'REFUSED', reason: 'OLDER_ATTEMPT_LIVES' });
  });

  it('is refused when its slots do not fit into the agent’s own limit', () => {
    const agent = new VirtualAgent({ maxSlots: 3 }).join();
    agent.start({ slots: 2 });
    agent.start({ run: runId('other-2'), epoch: epoch(8), slots: 2 });
    expect(agent.lastAnswer).toMatchObject({ outcome: 'REFUSED', reason: 'RESOURCE_EXHAUSTED' });
    agent.handle(agent.keeper.end(RUN));
    agent.start({ run: runId('third-3'), epoch: epoch(9), slots: 2 });
    expect(agent.lastAnswer?.outcome).toBe('APPLIED');
  });

  it.each([
    ['DEADLINE_PAST', 'EXPIRED', 'EXPIRED'],
    ['EPOCH_SPENT', 'STALE', 'EXPIRED'],
    ['PROGRAM_NOT_FOUND', 'REFUSED', 'SPAWN_FAILED'],
    ['TABLE_FULL', 'REFUSED', 'REFUSED'],
    ['A_WORD_OF_A_NEWER_KEEPER', 'REFUSED', 'REFUSED'],
  ])('that the keeper refuses with %s is answered %s (%s) and not listed any more', (reason, outcome, endCause) => {
    const agent = new VirtualAgent().join();
    agent.keeper.refusal = { reason, detail: 'because' };
    agent.start();
    expect(agent.lastAnswer).toMatchObject({ outcome, endCause, reason, detail: 'because' });
    agent.receive({ kind: 'report_full_state', reason: 'test' });
    expect(agent.said('full_state')).toMatchObject([{ attempts: [] }]);
  });

  it('is answered before anything is reported of it, also when its process has ended by then', () => {
    const agent = new VirtualAgent().join();
    agent.keeper.holdsStarts = true;
    agent.start();
    const [running, result] = agent.keeper.finishStarts();
    for (const event of [running, agent.keeper.end(RUN), result]) if (event !== undefined) agent.handle(event);
    const kinds = agent.ofKind('send').map(({ message }) => message.kind);
    expect(kinds).toEqual(['hello', 'heartbeat', 'command_result', 'report']);
    expect(agent.said('report')).toMatchObject([{ attempts: [{ state: 'ENDED', end: { cause: 'EXITED' } }] }]);
  });

  it('is listed from the moment it is handed to the keeper', () => {
    const agent = new VirtualAgent().join();
    agent.keeper.holdsStarts = true;
    agent.start();
    agent.receive({ kind: 'report_full_state', reason: 'test' });
    expect(agent.said('full_state')).toMatchObject([{ generation: 2, attempts: [{ run: RUN, state: 'STARTING' }] }]);
  });

  it.each([
    ['DEADLINE_PAST', 'EXPIRED'],
    ['TABLE_FULL', 'REFUSED'],
    ['PROGRAM_NOT_FOUND', 'SPAWN_FAILED'],
  ])('that comes to nothing (%s) after its session ended is reported as %s to the next one', (reason, cause) => {
    const agent = new VirtualAgent().join();
    agent.keeper.holdsStarts = true;
    agent.start();
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(200);
    agent.connect();
    agent.welcome({ verdicts: [{ run: RUN, epoch: epoch(7), action: 'KEEP', reason: '' }] });
    agent.keeper.refusal = { reason, detail: 'because' };
    for (const event of agent.keeper.finishStarts()) agent.handle(event);
    expect(agent.said('command_result')).toEqual([]);
    expect(agent.said('report')).toMatchObject([{ attempts: [{ state: 'ENDED', end: { cause } }] }]);
  });
});

describe('a stop', () => {
  it('is answered once the keeper has begun it', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.stop();
    expect(agent.stops).toEqual(['import-1@7 STOPPED']);
    expect(agent.lastAnswer?.outcome).toBe('APPLIED');
    agent.stop();
    expect(agent.lastAnswer).toMatchObject({ outcome: 'ALREADY_APPLIED', reason: 'STOPPING' });
    expect(agent.stops).toHaveLength(1);
  });

  it('ends the extensions of its attempt', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.stop();
    agent.clear();
    agent.live(12_000);
    expect(agent.keeper.asks('extend')).toEqual([]);
  });
});
