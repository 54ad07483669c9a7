/**
 * From a start command to a running program, in the one order that is safe: spend the epoch, make the place, shut the gate behind
 * the first process, write down what it is, look at the clocks, open the gate.
 */

import { messageOf } from '../shared/caught-error.ts';
import type { Start } from '../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { readClocks } from '../shared/host/clocks.ts';
import type { Containment, NewTree } from '../shared/host/containment.ts';
import { processEntry } from '../shared/host/process-table.ts';
import { type Attempt, keptAttempt } from './attempt.ts';
import type { AttemptFolders } from './attempt-folders.ts';
import { decide } from './core/deadline.ts';
import { type Refusal, refuse } from './core/refusal.ts';
import { type Gate, openGate, type ProcessExit } from './gate.ts';
import type { Journal } from './journal.ts';
import { attemptRecord, spentRecord } from './journal-state.ts';
import { type LaunchPlan, planLaunch } from './launch-plan.ts';
import type { OutputPipe, PipeMaker } from './output-pipe.ts';

export interface StartTools {
  readonly journal: Pick<Journal, 'append'>;
  readonly containment: Pick<Containment, 'create'>;
  readonly pipes: PipeMaker;
  readonly folders: AttemptFolders;
  /** Of the state directory. */
  readonly key: string;
  readonly bootId: string;
  /** To be called when the first process is reaped. */
  readonly onReaped: (attempt: Attempt, exit: ProcessExit) => void;
}

/** Why the program did not start; undefined when it runs. After a refusal, a first process that was made is dying or dead. */
export async function startProgram(attempt: Attempt, start: Start, tools: StartTools): Promise<Refusal | undefined> {
  try {
    await tools.journal.append(spentRecord(attempt.run, attempt.epoch));
  } catch (error) {
    return refuse('IO_ERROR', `the keeper can't write its journal: ${messageOf(error)}`);
  }
  if (attempt.abandoned !== undefined) return attempt.abandoned;
  try {
    const plan = await planLaunch(start, tools);
    return plan.kind === 'refusal' ? plan : await makeProcess(attempt, plan, tools);
  } catch (error) {
    return refuse('SPAWN_FAILED', messageOf(error));
  }
}

async function makeProcess(attempt: Attempt, plan: LaunchPlan, tools: StartTools): Promise<Refusal | undefined> {
  const tree = await tools.containment.create(attempt);
  const pipe = await tools.pipes.take();
  try {
    attempt.output = await tools.folders.keepOutput(attempt.run, attempt.epoch, pipe.reader);
    // Between this look and the spawn nothing waits.
    if (attempt.abandoned === undefined) attempt.gate = await openGate(plan, tree, pipe.writeFd);
  } catch (error) {
    await tree.discard();
    throw error;
  } finally {
    closeUnused(attempt, pipe);
  }
  if (attempt.gate === undefined) {
    await tree.discard();
    return attempt.abandoned;
  }
  return passGate(attempt, attempt.gate, tree, tools);
}

/** The workload has its own hold on the pipe by now, or never will. */
function closeUnused(attempt: Attempt, pipe: OutputPipe): void {
  pipe.closeWriteEnd();
  if (attempt.output === undefined) pipe.reader.destroy();
}

async function passGate(
  attempt: Attempt,
  gate: Gate,
  newTree: NewTree,
  tools: StartTools,
): Promise<Refusal | undefined> {
  attempt.pid = gate.pid;
  const joined = await gate.joined;
  const startTicks = joined ? ((await processEntry(gate.pid))?.startTicks ?? 0) : 0;
  attempt.startTicks = startTicks;
  attempt.tree = newTree.holding({ pid: gate.pid, startTicks });
  // Only now, so that whoever settles the end has the tree to look into.
  void gate.ended.then((exit) => tools.onReaped(attempt, exit));
  if (!joined)
    return attempt.abandoned ?? refuse('SPAWN_FAILED', 'the first process ended before it had joined its place');
  try {
    await tools.journal.append(attemptRecord({ kept: keptAttempt(attempt), bootId: tools.bootId }));
  } catch (error) {
    gate.kill();
    return refuse('IO_ERROR', `the keeper can't write its journal: ${messageOf(error)}`);
  }
  // The check of semantics A9. From here to the end of this function nothing waits.
  if (decide(attempt.stage, attempt.terms, attempt.deadline, readClocks()).order === 'abandon') {
    attempt.abandoned ??= refuse('DEADLINE_PAST', 'its deadline passed before the program could run');
  }
  if (attempt.abandoned !== undefined) {
    gate.kill();
    return attempt.abandoned;
  }
  gate.go();
  attempt.stage = { kind: 'running' };
  attempt.startWallMs = Date.now();
  return undefined;
}
