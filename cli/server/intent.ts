/** `locum server cordon | uncordon | drain`. */
import { createClient } from '@connectrpc/connect';
import {
  CordonServerResponseSchema,
  DrainServerResponseSchema,
  ServerService,
  UncordonServerResponseSchema,
} from '../../shared/gen/locum/v1/server_service_pb.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { type DryRunOption, type Globals, isDryRun } from '../globals.ts';
import { printAnswer, tell } from '../output/print.ts';
import { idsOf } from '../output/words.ts';
import { planText } from './plan.ts';
import { waitForServer } from './wait.ts';

export async function cordon(globals: Globals, id: string): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).cordonServer({ name: nameIn('servers', id) });
    const runs = answer.server?.runs ?? [];
    await printAnswer(globals, CordonServerResponseSchema, answer, {
      table: () => `${id} takes no new work.${runs.length === 0 ? '' : ` It keeps ${idsOf(runs)}.`}`,
      names: () => [nameIn('servers', id)],
    });
  });
}

export async function uncordon(globals: Globals, id: string): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).uncordonServer({ name: nameIn('servers', id) });
    await printAnswer(globals, UncordonServerResponseSchema, answer, {
      table: () => `${id} takes work again.`,
      names: () => [nameIn('servers', id)],
    });
  });
}

export interface DrainOptions extends DryRunOption {
  readonly deadline?: number;
  readonly wait?: boolean;
}

export async function drain(globals: Globals, id: string, options: DrainOptions): Promise<void> {
  const name = nameIn('servers', id);
  const dryRun = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).drainServer({
      name,
      deadline: toDuration(options.deadline),
      validateOnly: dryRun,
    });
    await printAnswer(globals, DrainServerResponseSchema, answer, {
      table: () => planText(answer.plan, { dryRun }),
      names: () => [name],
    });
    if (options.wait !== true || dryRun) return;
    tell(`Waiting until ${id} is empty …`);
    await waitForServer(transport, globals, name, 'drained');
    tell(`${id} is empty.`);
  });
}
