/** `locum server limit`. */
import { createClient } from '@connectrpc/connect';
import { ServerService, UpdateServerResponseSchema } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { printAnswer, tellDryRun } from '../output/print.ts';

function slotsOf(text: string): { maxSlots?: number } {
  if (text === 'default') return {};
  // The range is judged by the controller, with its reason.
  if (!/^-?\d{1,9}$/.test(text))
    throw new CommandFailure(`"${text}" is no number of slots; "default" gives the pool's limit`);
  return { maxSlots: Number(text) };
}

export async function limit(globals: Globals, id: string, slots: string, options: DryRunOption): Promise<void> {
  const server = { name: nameIn('servers', id), ...slotsOf(slots) };
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).updateServer({
      server,
      updateMask: { paths: ['max_slots'] },
      ...trialOf(options),
    });
    const { effectiveMaxSlots = 0, usedSlots = 0, overCapacity = false } = answer.server ?? {};
    const over = overCapacity ? ` It uses ${usedSlots}; what runs goes on, nothing new comes.` : '';
    const takes = isDryRun(options) ? 'would take' : 'takes';
    await printAnswer(globals, UpdateServerResponseSchema, answer, {
      table: () => `${id} ${takes} up to ${effectiveMaxSlots} slots.${over}`,
      names: () => [server.name],
    });
    tellDryRun(isDryRun(options), answer.planEtag);
  });
}
