/** `locum run wait`. */
import { createClient, type Transport } from '@connectrpc/connect';
import { type Run, RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { GetRunResponseSchema, RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { resolveRun } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { checkGoal, follow, type Standing, type WaitOptions } from '../wait.ts';
import { runLine, runView } from './view.ts';

const GOALS = ['running', 'ended', 'succeeded', 'failed', 'stopped'] as const;
type Goal = (typeof GOALS)[number];

const states = {
  running: [RunState.RUNNING],
  ended: [RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED],
  succeeded: [RunState.SUCCEEDED],
  failed: [RunState.FAILED],
  stopped: [RunState.STOPPED],
} satisfies Record<Goal, readonly RunState[]>;

function judgeRun(run: Run | undefined, goal: Goal): Standing {
  if (run === undefined) return { reached: false, now: 'it is not known' };
  if (states[goal].some((state) => state === run.state)) return { reached: true };
  // A run that has ended never changes again.
  if (run.endTime !== undefined) throw new CommandFailure(runLine(run));
  return { reached: false, now: runLine(run) };
}

/** @throws CommandFailure 1 when the run ends otherwise, 124 when time is up. */
export async function waitForRun(
  transport: Transport,
  globals: Pick<Globals, 'timeout'>,
  name: string,
  goal: Goal,
): Promise<void> {
  const client = createClient(RunService, transport);
  let run: Run | undefined;
  await follow({
    globals,
    goal: `${name} to be ${goal}`,
    open: (revision, signal) => client.watchRuns({ revision }, { signal }),
    take: ({ change }) => {
      if (change.case === 'run' && change.value.name === name) run = change.value;
    },
    judge: () => judgeRun(run, goal),
  });
}

export async function wait(globals: Globals, id: string, options: WaitOptions): Promise<void> {
  const goal = checkGoal(GOALS, options.for);
  await withTransport(globals, async (transport) => {
    const name = await resolveRun(transport, id);
    await waitForRun(transport, globals, name, goal);
    const answer = await createClient(RunService, transport).getRun({ name });
    await printAnswer(globals, GetRunResponseSchema, answer, {
      ...runView(answer.run),
      table: () => (answer.run === undefined ? '' : runLine(answer.run)),
    });
  });
}
