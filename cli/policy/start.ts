/** `locum policy start`. */
import { createClient } from '@connectrpc/connect';
import { PolicyService, StartPolicyResponseSchema } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { runLine } from '../run/view.ts';
import { waitForRun } from '../run/wait.ts';

export interface StartOptions extends DryRunOption {
  readonly wait?: boolean;
}

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
    const request = { name, arguments: [...words], validateOnly };
    const answer = await createClient(PolicyService, transport).startPolicy(request);
    const { run } = answer;
    await printAnswer(globals, StartPolicyResponseSchema, answer, {
      table: () => (run === undefined || validateOnly ? `${id} can be started; nothing was changed.` : runLine(run)),
      names: () => (run === undefined ? [] : [run.name]),
    });
    if (run === undefined || validateOnly) return;
    if (options.wait === true) return waitForRun(transport, globals, run.name, 'succeeded');
    if (run.state === RunState.QUEUED) {
      throw new CommandFailure(
        `not placed yet; it starts when a server has room. "locum policy explain ${id}" tells more.`,
        EXIT.notPlaced,
      );
    }
  });
}
