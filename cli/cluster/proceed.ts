/** `locum proceed`: ends the mass-failure brake of a pool. */
import { createClient } from '@connectrpc/connect';
import { ClusterService, ProceedTakeoversResponseSchema } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, tellDryRun } from '../output/print.ts';
import { idsOf } from '../output/words.ts';

export interface ProceedOptions extends DryRunOption {
  readonly yes?: boolean;
}

export async function proceed(globals: Globals, id: string, options: ProceedOptions): Promise<void> {
  const pool = nameIn('pools', id);
  const validateOnly = isDryRun(options);
  if (!validateOnly) await confirm(`Take over the runs of all silent servers of pool ${id} now?`, options);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ClusterService, transport).proceedTakeovers({ pool, ...trialOf(options) });
    const more = answer.omittedRuns === 0 ? '' : `, and ${answer.omittedRuns} more`;
    await printAnswer(globals, ProceedTakeoversResponseSchema, answer, {
      table: () =>
        answer.runs.length === 0
          ? 'Nothing was held back.'
          : `${validateOnly ? 'Would go on' : 'Going on'}: ${idsOf(answer.runs)}${more}.`,
      names: () => answer.runs,
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}
