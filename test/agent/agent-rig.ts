/** What the tests of agents as real processes share: a host, a controller, and programs to run. */
import { onTestFinished } from 'vitest';
import { AttemptState } from '../../shared/gen/locum/v1/run_pb.ts';
import { AgentHost } from './agent-host.ts';
import { FakeController, type FakeSession, type StartChange } from './fake-controller.ts';

export const SLEEPER = { kind: { case: 'command' as const, value: { argv: ['sleep', '600'] } } };
export const script = (text: string) => ({ kind: { case: 'script' as const, value: { text } } });

/** Longer than anything here takes on a busy machine, for tests in which the lease must not end. */
export const LONG = { leaseMs: 60_000 };

/** Ending everything waits for the keeper. */
const CLOSE_LIMIT_MS = 60_000;

/** A host without an agent yet, and a controller on a real socket. Everything ends with the test. */
export async function agentHost(): Promise<{ readonly host: AgentHost; readonly controller: FakeController }> {
  const host = new AgentHost();
  const controller = await FakeController.start();
  onTestFinished(async () => {
    controller.close();
    await host.close();
  }, CLOSE_LIMIT_MS);
  return { host, controller };
}

/** Starts the test's run and answers with its process id. */
export async function startSleeper(session: FakeSession, change: StartChange = {}): Promise<number> {
  session.start(SLEEPER, change);
  const { pid } = await session.attempt(AttemptState.RUNNING);
  return pid;
}
