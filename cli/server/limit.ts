/** `locum server limit`. */
import { createClient } from '@connectrpc/connect';
import { ServerService, UpdateServerResponseSchema } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { printAnswer, tellDryRun } from '../output/print.ts';
import { idsOf } from '../output/words.ts';

function slotsOf(text: string): { maxSlots?: number } {
  if (text === 'default') return {};
  // The range is judged by the controller, with its reason.
  if (!/^-?\d{1,9}$/.test(text))
    throw new CommandFailure(`"${text}" is no number of slots; "default" gives the pool's limit`);
  return { maxSlots: Number(text) };
}

/** Runs that wait in the queue now. */
function startLines(starts: readonly string[], omitted: number): readonly string[] {
  if (starts.length === 0) return [];
  const more = omitted === 0 ? '' : `, and ${omitted} more`;
  return [`From the queue would start there: ${idsOf(starts)}${more}.`];
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
    const { starts, omittedStarts } = answer;
    const over = overCapacity ? ` It uses ${usedSlots}; what runs goes on, nothing new comes.` : '';
    const takes = isDryRun(options) ? 'would take' : 'takes';
    await printAnswer(globals, UpdateServerResponseSchema, answer, {
      table: () =>
        [`${id} ${takes} up to ${effectiveMaxSlots} slots.${over}`, ...startLines(starts, omittedStarts)].join('\n'),
      names: () => [server.name],
    });
    tellDryRun(isDryRun(options), answer.planEtag);
  });
}
