/** `locum server confirm-dead`: an operator's word instead of waiting. */
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import { count } from '../../shared/count.ts';
import { AttemptState } from '../../shared/gen/locum/v1/run_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { ConfirmServerDeadResponseSchema, ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, tellDryRun } from '../output/print.ts';
import { idsOf } from '../output/words.ts';

export interface ConfirmDeadOptions extends DryRunOption {
  readonly reason: string;
  readonly yes?: boolean;
}

export async function confirmDead(globals: Globals, id: string, options: ConfirmDeadOptions): Promise<void> {
  const name = nameIn('servers', id);
  await withTransport(globals, async (transport) => {
    const client = createClient(ServerService, transport);
    const { server } = await client.getServer({ name });
    if (server === undefined) throw new CommandFailure(`${name} does not exist`, EXIT.notFound);
    const runs = createClient(RunService, transport);
    const pages = await readPages((pageToken) => runs.listRuns({ pageSize: PAGE_SIZE, pageToken }));
    const epochs = pages
      .flatMap((page) => page.runs)
      .flatMap((run) => run.attempts)
      .filter(
        (attempt) =>
          attempt.server === name && attempt.serverUid === server.uid && attempt.state !== AttemptState.ENDED,
      )
      .map((attempt) => attempt.epoch);
    const validateOnly = isDryRun(options);
    const question = `${id} has ${count(epochs.length, 'attempt')} not proven ended. If it is alive after all, they run twice.\nIs ${id} dead, and will it stay dead?`;
    if (!validateOnly) await confirm(question, options);
    const { uid, bootId } = server;
    const { reason } = options;
    const answer = await client.confirmServerDead({ name, uid, bootId, epochs, reason, ...trialOf(options) });
    const released = validateOnly ? 'Would be released' : 'Released';
    await printAnswer(globals, ConfirmServerDeadResponseSchema, answer, {
      table: () =>
        answer.runs.length === 0 ? `${id} held no runs.` : `${released} to other servers: ${idsOf(answer.runs)}.`,
      names: () => answer.runs,
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}
