/** `locum policy wait`. */
import { createClient, type Transport } from '@connectrpc/connect';
import type { Policy } from '../../shared/gen/locum/v1/policy_pb.ts';
import { GetPolicyResponseSchema, PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { type Run, RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { idOf } from '../output/words.ts';
import { runLine } from '../run/view.ts';
import { checkGoal, follow, type Standing, type WaitOptions } from '../wait.ts';

const GOALS = ['running', 'idle'] as const;
type Goal = (typeof GOALS)[number];

/** A continuous policy should have all its runs; for others one that runs is enough. */
function wantedRuns({ trigger, maxConcurrentRuns }: Policy): number {
  const continuous = trigger?.kind.case === undefined || trigger.kind.case === 'continuous';
  return continuous ? (maxConcurrentRuns ?? 1) : 1;
}

function judgeRuns(runs: readonly Run[], goal: Goal, wanted: number): Standing {
  if (goal === 'idle') {
    const [first] = runs;
    return first === undefined ? { reached: true } : { reached: false, now: runLine(first) };
  }
  const other = runs.find(({ state }) => state !== RunState.RUNNING);
  const running = runs.length - runs.filter(({ state }) => state !== RunState.RUNNING).length;
  if (running >= wanted) return { reached: true };
  return { reached: false, now: other === undefined ? `${running} of ${wanted} run` : runLine(other) };
}

export async function waitForPolicy(
  transport: Transport,
  globals: Pick<Globals, 'timeout'>,
  name: string,
  goal: Goal,
): Promise<void> {
  // Also the answer to a name that does not exist.
  const { policy } = await createClient(PolicyService, transport).getPolicy({ name });
  if (policy === undefined) throw new CommandFailure(`${name} does not exist`, EXIT.notFound);
  const client = createClient(RunService, transport);
  const open = new Map<string, Run>();
  await follow({
    globals,
    goal: `${name} to be ${goal}`,
    open: (revision, signal) => client.watchRuns({ revision }, { signal }),
    take: ({ change }) => {
      if (change.case === 'deleted') open.delete(change.value);
      if (change.case !== 'run' || change.value.policy !== name) return;
      if (change.value.endTime === undefined) open.set(change.value.name, change.value);
      else open.delete(change.value.name);
    },
    judge: () => judgeRuns([...open.values()], goal, wantedRuns(policy)),
  });
}

export async function wait(globals: Globals, id: string, options: WaitOptions): Promise<void> {
  const goal = checkGoal(GOALS, options.for);
  const name = nameIn('policies', id);
  await withTransport(globals, async (transport) => {
    await waitForPolicy(transport, globals, name, goal);
    const answer = await createClient(PolicyService, transport).getPolicy({ name });
    await printAnswer(globals, GetPolicyResponseSchema, answer, {
      table: () => `${idOf(name)} is ${goal}.`,
      names: () => [name],
    });
  });
}
