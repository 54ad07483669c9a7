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
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { printAnswer, tell, tellDryRun, tellPlan } from '../output/print.ts';
import { idsOf } from '../output/words.ts';
import { planText } from './plan.ts';
import { waitForServer } from './wait.ts';

export async function cordon(globals: Globals, id: string, options: DryRunOption): Promise<void> {
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const client = createClient(ServerService, transport);
    const answer = await client.cordonServer({ name: nameIn('servers', id), ...trialOf(options) });
    const runs = answer.server?.runs ?? [];
    const [takes, keeps] = validateOnly ? ['would take', 'would keep'] : ['takes', 'keeps'];
    await printAnswer(globals, CordonServerResponseSchema, answer, {
      table: () => `${id} ${takes} no new work.${runs.length === 0 ? '' : ` It ${keeps} ${idsOf(runs)}.`}`,
      names: () => [nameIn('servers', id)],
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}

export async function uncordon(globals: Globals, id: string, options: DryRunOption): Promise<void> {
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const client = createClient(ServerService, transport);
    const answer = await client.uncordonServer({ name: nameIn('servers', id), ...trialOf(options) });
    await printAnswer(globals, UncordonServerResponseSchema, answer, {
      table: () => `${id} ${validateOnly ? 'would take' : 'takes'} work again.`,
      names: () => [nameIn('servers', id)],
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}

export interface DrainOptions extends DryRunOption {
  readonly deadline?: number;
  readonly letFinish?: boolean;
  readonly wait?: boolean;
}

export async function drain(globals: Globals, id: string, options: DrainOptions): Promise<void> {
  const name = nameIn('servers', id);
  const dryRun = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).drainServer({
      name,
      deadline: toDuration(options.deadline),
      letFinish: options.letFinish === true,
      ...trialOf(options),
    });
    await printAnswer(globals, DrainServerResponseSchema, answer, {
      table: () => planText(answer.plan, { dryRun }),
      names: () => [name],
    });
    tellPlan(answer.planEtag);
    if (options.wait !== true || dryRun) return;
    tell(`Waiting until ${id} is empty …`);
    await waitForServer(transport, globals, name, 'drained');
    tell(`${id} is empty.`);
  });
}
