/** A keeper ends what nobody prolongs: real processes, one agent. */
import { describe, expect, it } from 'vitest';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { gone, sharedKeeper, withRealKeepers } from './rig.ts';

withRealKeepers();

describe('a deadline', () => {
  it('stops an attempt by itself: SIGTERM at D, and the kill after the grace', async () => {
    const { agent } = await sharedKeeper();
    const began = performance.now();
    const pid = await agent.run({
      does: "trap '' TERM; while :; do sleep 60; done",
      deadlineMs: 600,
      stopTimeoutMs: 200,
    });
    expect(await agent.end()).toMatchObject({ cause: EndCause.LAPSED, signal: 'SIGKILL' });
    // Either clock may say that the time is over, and the one that counts suspend too ticks in 10 ms: once for D, once for the grace.
    expect(performance.now() - began).toBeGreaterThanOrEqual(780);
    await gone(pid);
  });

  it('is moved by an extension, and never back', async () => {
    const { rig, agent } = await sharedKeeper();
    await agent.run({ does: 'exec sleep 60', deadlineMs: 500 });
    expect(await agent.extend(10_000)).toMatchObject({ ok: true, refused: [] });
    expect(await agent.extend(1)).toMatchObject({ ok: true, refused: [] });
    await agent.run({ run: `${agent.job}-b`, does: 'exec sleep 60', deadlineMs: 700 });
    expect(await agent.end(`${agent.job}-b`)).toMatchObject({ cause: EndCause.LAPSED });
    const { attempts } = (await rig.attach()).connection.opened;
    const first = attempts.find(({ status }) => status?.run === agent.job);
    expect(first?.status?.state).toBe(AttemptState.RUNNING);
    const again = await rig.attach();
    await again.stop(agent.job);
    await again.end(agent.job);
  });

  it('that has passed is not undone by a late extension', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: "trap '' TERM; while :; do sleep 0.01; done", deadlineMs: 300, stopTimeoutMs: 300 });
    await agent.state(agent.job, 1, AttemptState.STOPPING);
    expect(await agent.extend(60_000)).toMatchObject({ ok: true, refused: [{ run: agent.job, epoch: 1n }] });
    expect(await agent.end()).toMatchObject({ cause: EndCause.LAPSED });
  });

  it('does not stop HOLD and OVERLAP attempts, and can be set again', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: 'exec sleep 60', deadlineMs: 300, onDisconnect: OnDisconnect.HOLD });
    await agent.run({
      run: `${agent.job}-b`,
      does: 'exec sleep 60',
      deadlineMs: 300,
      onDisconnect: OnDisconnect.OVERLAP,
    });
    // A lapsing one that began later shows that the time has come.
    await agent.run({ run: `${agent.job}-c`, does: 'exec sleep 60', deadlineMs: 400 });
    expect(await agent.end(`${agent.job}-c`)).toMatchObject({ cause: EndCause.LAPSED });
    expect(await agent.extend(60_000)).toMatchObject({ refused: [] });
    expect(await agent.extend(60_000, `${agent.job}-b`)).toMatchObject({ refused: [] });
    await Promise.all([agent.stop(), agent.stop(`${agent.job}-b`)]);
    expect(await agent.end()).toMatchObject({ cause: EndCause.STOPPED });
    expect(await agent.end(`${agent.job}-b`)).toMatchObject({ cause: EndCause.STOPPED });
  });
});
