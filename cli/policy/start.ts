/** `locum policy start`. */
import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { PolicyService, StartPolicyResponseSchema } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { printAnswer, tell, tellPlan } from '../output/print.ts';
import { idOf } from '../output/words.ts';
import { runLine } from '../run/view.ts';
import { waitForRun } from '../run/wait.ts';

export interface StartOptions extends DryRunOption {
  readonly wait?: boolean;
}

/** The reason of a run that was just made, before anybody looked for a server. */
const NEW = 'NEW';

/** Exit code 2 when the run is taken but has to queue. */
export async function start(
  globals: Globals,
  id: string,
  words: readonly string[],
  options: StartOptions,
): Promise<void> {
  await withTransport(globals, async (transport) => {
    const name = nameIn('policies', id);
    const validateOnly = isDryRun(options);
    const { run: made, planEtag } = await createClient(PolicyService, transport).startPolicy({
      name,
      arguments: [...words],
      ...trialOf(options),
    });
    if (made !== undefined && options.wait === true && !validateOnly) {
      tell(`${idOf(made.name)} was started; waiting for its end …`);
      await waitForRun(transport, globals, made.name, 'succeeded');
    }
    const isOld = made !== undefined && (made.reason === NEW || options.wait === true) && !validateOnly;
    const run = isOld ? (await createClient(RunService, transport).getRun({ name: made.name })).run : made;
    const answer = create(StartPolicyResponseSchema, run === undefined ? { planEtag } : { run });
    await printAnswer(globals, StartPolicyResponseSchema, answer, {
      table: () => (run === undefined || validateOnly ? `${id} can be started; nothing was changed.` : runLine(run)),
      names: () => (run === undefined ? [] : [run.name]),
    });
    tellPlan(planEtag);
    if (run?.state === RunState.QUEUED && !validateOnly) {
      throw new CommandFailure(
        `not placed yet; it waits in the queue. "locum policy explain ${id}" tells for what.`,
        EXIT.notPlaced,
      );
    }
  });
}
