/** `locum hook forget`. */
import { createClient } from '@connectrpc/connect';
import { ForgetHookResponseSchema, HookService } from '../../shared/gen/locum/v1/hook_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, tellDryRun } from '../output/print.ts';
import { idOf } from '../output/words.ts';

export interface ForgetOptions extends DryRunOption {
  readonly yes?: boolean;
}

export async function forget(globals: Globals, id: string, options: ForgetOptions): Promise<void> {
  const name = nameIn('hooks', id);
  const validateOnly = isDryRun(options);
  const question = `Forget how far ${idOf(name)} is? Events that wait for it are never told.`;
  if (!validateOnly) await confirm(question, options);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(HookService, transport).forgetHook({ name, ...trialOf(options) });
    await printAnswer(globals, ForgetHookResponseSchema, answer, {
      table: () => `${idOf(name)} ${validateOnly ? 'would be' : 'is'} forgotten.`,
      names: () => [name],
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}
