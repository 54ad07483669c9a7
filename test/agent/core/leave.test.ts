import { describe, expect, it } from 'vitest';
import { epoch, runId } from '../../../shared/ids.ts';
import { RUN, TERMS, VirtualAgent } from './virtual-agent.ts';

function running(): VirtualAgent {
  const agent = new VirtualAgent().join();
  agent.start();
  agent.start({ run: runId('hold-2'), epoch: epoch(8), terms: { ...TERMS, onDisconnect: 'HOLD' } });
  agent.clear();
  return agent;
}

describe('leaving', () => {
  it('offers no slots first, then stops everything by its own judgement, and says Goodbye when all is proven ended', () => {
    const agent = running();
    agent.handle({ kind: 'leave', reason: 'LEAVE', withinMs: 10_000 });
    expect(agent.said('heartbeat')).toMatchObject([{ capacity: { maxSlots: 0 } }]);
    expect(agent.stops).toEqual(['import-1@7 LAPSED', 'hold-2@8 LAPSED']);
    agent.handle(agent.keeper.end(RUN, { cause: 'LAPSED' }));
    expect(agent.said('goodbye')).toEqual([]);
    agent.handle(agent.keeper.end(runId('hold-2'), { cause: 'LAPSED' }));
    expect(agent.said('goodbye')).toMatchObject([
      {
        reason: 'LEAVE',
        attempts: [
          { run: RUN, state: 'ENDED' },
          { run: 'hold-2', state: 'ENDED' },
        ],
      },
    ]);
    expect(agent.ofKind('close_stream')).toMatchObject([{ flush: true }]);
    expect(agent.keeper.asks('exit')).toEqual([]);
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'ended' });
    expect(agent.keeper.asks('exit')).toEqual([{ kind: 'exit', stopAll: true, forget: true }]);
    expect(agent.ofKind('forget_cluster')).toHaveLength(1);
    expect(agent.ofKind('exit')).toHaveLength(1);
  });

  it('keeps what it knows of its cluster when nobody answered its Goodbye, or it only shuts down', () => {
    const unanswered = new VirtualAgent().join();
    unanswered.handle({ kind: 'leave', reason: 'LEAVE', withinMs: 10_000 });
    unanswered.advance(2_000);
    const shutdown = new VirtualAgent().join();
    shutdown.handle({ kind: 'leave', reason: 'SHUTDOWN', withinMs: 10_000 });
    shutdown.handle({ kind: 'closed', stream: shutdown.stream, reason: 'ended' });
    for (const agent of [unanswered, shutdown]) {
      expect(agent.ofKind('exit')).toHaveLength(1);
      expect(agent.ofKind('forget_cluster')).toEqual([]);
      expect(agent.keeper.asks('exit')).toEqual([{ kind: 'exit', stopAll: true, forget: false }]);
    }
  });

  it('keeps it, too, when something could not be ended in time: the next keeper must know', () => {
    const agent = running();
    agent.handle({ kind: 'leave', reason: 'LEAVE', withinMs: 3_000 });
    agent.advance(3_000);
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'ended' });
    expect(agent.ofKind('exit')).toHaveLength(1);
    expect(agent.ofKind('forget_cluster')).toEqual([]);
    expect(agent.keeper.asks('exit').some(({ forget }) => forget)).toBe(false);
  });

  it('after its deadline says Goodbye with what is proven ended, and nothing of the rest', () => {
    const agent = running();
    agent.handle({ kind: 'leave', reason: 'SHUTDOWN', withinMs: 3_000 });
    agent.handle(agent.keeper.end(RUN, { cause: 'LAPSED' }));
    agent.advance(3_000);
    expect(agent.said('goodbye')).toMatchObject([{ reason: 'SHUTDOWN', attempts: [{ run: RUN }] }]);
    agent.advance(2_000);
    expect(agent.ofKind('exit')).toHaveLength(1);
  });

  it('refuses starts', () => {
    const agent = running();
    agent.handle({ kind: 'leave', reason: 'LEAVE', withinMs: 10_000 });
    agent.start({ run: runId('third-3'), epoch: epoch(9) });
    expect(agent.lastAnswer).toMatchObject({ outcome: 'REFUSED', reason: 'LEAVING' });
  });

  it('says nothing after its Goodbye', () => {
    const agent = new VirtualAgent().join();
    agent.handle({ kind: 'leave', reason: 'LEAVE', withinMs: 10_000 });
    const sent = agent.ofKind('send').length;
    agent.advance(1_900);
    expect(agent.ofKind('send')).toHaveLength(sent);
    expect(agent.ofKind('send').at(-1)?.message.kind).toBe('goodbye');
  });

  it('without any controller ends at its deadline, without a Goodbye', () => {
    const agent = new VirtualAgent().begin();
    agent.handle({ kind: 'leave', reason: 'LEAVE', withinMs: 3_000 });
    agent.advance(2_999);
    expect(agent.ofKind('exit')).toEqual([]);
    agent.advance(1);
    expect(agent.ofKind('exit')).toHaveLength(1);
    expect(agent.keeper.asks('exit')).toHaveLength(1);
  });

  it('at its deadline gives up a Hello that nobody answers: whoever waits for its streams to end would wait for ever', () => {
    const agent = new VirtualAgent().begin();
    agent.handle({ kind: 'leave', reason: 'LEAVE', withinMs: 3_000 });
    agent.connect();
    agent.advance(3_000);
    expect(agent.ofKind('exit')).toHaveLength(1);
    expect(agent.ofKind('close_stream')).toMatchObject([{ stream: agent.stream, flush: false }]);
  });

  it('is what a keeper asks for when its host shuts down', () => {
    const agent = running();
    agent.handle({ kind: 'keeper_leaving', withinMs: 5_000 });
    expect(agent.stops).toHaveLength(2);
    agent.advance(5_000);
    expect(agent.said('goodbye')).toMatchObject([{ reason: 'SHUTDOWN' }]);
  });

  it.each(['with', 'without'])('lets a keeper end that means to, %s a controller', (how) => {
    const agent = running();
    if (how === 'without') agent.handle({ kind: 'closed', stream: agent.stream, reason: 'gone' });
    agent.clear();
    agent.handle({ kind: 'keeper_leaving', withinMs: 5_000 });
    agent.handle(agent.keeper.end(RUN, { cause: 'LAPSED' }));
    agent.handle(agent.keeper.end(runId('hold-2'), { cause: 'LAPSED' }));
    agent.handle({ kind: 'keeper_closed', detail: 'closed' });
    agent.advance(1_999);
    expect([...agent.ofKind('open_keeper'), ...agent.ofKind('kill_trees')]).toEqual([]);
  });

  it('kills a keeper that goes while something lives', () => {
    const late = running();
    late.handle({ kind: 'keeper_leaving', withinMs: 5_000 });
    late.advance(5_000);
    expect(late.said('goodbye')).toHaveLength(1);
    late.handle({ kind: 'keeper_closed', detail: 'closed' });
    late.handle({ kind: 'keeper_closed', detail: 'no socket' });
    expect(late.ofKind('kill_trees')).toMatchObject([{ trees: [{ run: RUN }] }]);
  });

  it('to a controller that welcomes it only now offers no slots', () => {
    const agent = new VirtualAgent().begin();
    agent.handle({ kind: 'leave', reason: 'LEAVE', withinMs: 3_000 });
    agent.connect();
    expect(agent.said('hello')).toMatchObject([{ facts: { capacity: { maxSlots: 0 } } }]);
    agent.welcome();
    expect(agent.said('goodbye')).toHaveLength(1);
  });
});

describe('a signal to the agent', () => {
  it('ends it without a Goodbye and without stopping anything', () => {
    const agent = running();
    agent.handle({ kind: 'detach' });
    expect(agent.said('goodbye')).toEqual([]);
    expect(agent.stops).toEqual([]);
    expect(agent.ofKind('close_stream')).toMatchObject([{ stream: 1, flush: true }]);
    expect(agent.ofKind('exit')).toHaveLength(1);
    agent.handle({ kind: 'tick' });
    expect(agent.ofKind('exit')).toHaveLength(1);
  });
});
