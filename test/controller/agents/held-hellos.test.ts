import { describe, expect, it, onTestFinished } from 'vitest';
import { startAgentListener } from '../../../controller/agents/agent-listener.ts';
import { AgentStreams } from '../../../controller/agents/agent-streams.ts';
import type { Event } from '../../../controller/core/cluster/event.ts';
import { systemClock } from '../../../controller/engine/clock.ts';
import { ControllerMetrics } from '../../../controller/metrics.ts';
import { LocumError } from '../../../shared/errors.ts';
import { HealthTable } from '../../../shared/rpc/health.ts';
import { SILENT } from '../replication/leaders-seen.ts';
import { ScriptedAgent } from '../scripted-agent.ts';

const OTHER = { endpoint: 'other:1', term: 2 };

/** The agent listener of a controller that may lead or not, as the test says. */
async function listening(patienceMs: number) {
  const log = SILENT;
  const metrics = new ControllerMetrics();
  const shared = { clock: systemClock, log, metrics, patienceMs };
  const streams = new AgentStreams({ ...shared, owner: { cut: () => undefined } });
  const listener = await startAgentListener({
    host: '127.0.0.1',
    port: 0,
    health: new HealthTable([]),
    onConnect: (call) => streams.accept(call),
  });
  const agents: ScriptedAgent[] = [];
  onTestFinished(async () => {
    for (const agent of agents) agent.close();
    await listener.close(0);
  });
  const agent = (): ScriptedAgent => {
    const made = new ScriptedAgent(`127.0.0.1:${listener.port}`, 'web-1');
    agents.push(made);
    return made;
  };
  /** Leads: what agents say arrives here. */
  const lead = (): { readonly hello: Promise<Event> } => {
    const hello = Promise.withResolvers<Event>();
    const post = (event: Event): boolean => {
      if (event.kind === 'hello') hello.resolve(event);
      return true;
    };
    streams.attach({ term: 1, post });
    return { hello: hello.promise };
  };
  /** Resolves when a Hello has arrived that nobody took in. */
  const held = async (): Promise<void> => {
    while (streams.size === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  return { streams, agent, lead, held };
}

describe('a Hello to a controller that does not lead', () => {
  it('is answered with where the leader is, when that is known', async () => {
    const { streams, agent } = await listening(10_000);
    streams.pointTo(OTHER);
    const one = agent();
    one.hello();
    expect((await one.next('reconnect')).endpoints).toEqual(['other:1']);
  });

  it('is held until it is known who leads', async () => {
    const { streams, agent, held } = await listening(10_000);
    const one = agent();
    one.hello();
    await held();
    streams.pointTo(OTHER);
    expect((await one.next('reconnect')).endpoints).toEqual(['other:1']);
  });

  it('is held, and taken in by the controller itself when it becomes the leader', async () => {
    const { agent, lead, held } = await listening(10_000);
    const one = agent();
    one.hello();
    await held();
    expect(await lead().hello).toMatchObject({ hello: { server: 'web-1' } });
  });

  it('is turned away when nobody leads in time', async () => {
    const { streams, agent } = await listening(20);
    const one = agent();
    one.hello();
    expect((await one.ended).error?.reason).toBe('NOT_LEADER');
    // A leader that neither agents nor followers reach learns of it by this count alone (semantics C6).
    expect(streams.refusedHellos).toBe(1);
  });

  it('is turned away at once where there is one controller only', async () => {
    const { agent } = await listening(0);
    expect((await agent().ended).error?.reason).toBe('NOT_LEADER');
  });
});

describe('the streams of a term that is over', () => {
  const over = new LocumError('NOT_LEADER', 'the term is over');

  it('are kept until the next leader is known, and sent there', async () => {
    const { streams, agent, lead } = await listening(10_000);
    const one = agent();
    const { hello } = lead();
    one.hello();
    await hello;
    streams.detach(over);
    streams.pointTo(OTHER);
    expect((await one.next('reconnect')).endpoints).toEqual(['other:1']);
  });

  it('end when this controller leads again: no session of theirs is one of the new term', async () => {
    const { streams, agent, lead } = await listening(10_000);
    const one = agent();
    const { hello } = lead();
    one.hello();
    await hello;
    streams.detach(over);
    lead();
    expect((await one.ended).error?.reason).toBe('NOT_LEADER');
  });

  it('belong to the next term when they have not said Hello yet', async () => {
    const { streams, agent, lead, held } = await listening(10_000);
    const one = agent();
    lead();
    await held();
    streams.detach(over);
    const { hello } = lead();
    one.hello();
    expect(await hello).toMatchObject({ hello: { server: 'web-1' } });
  });
});
