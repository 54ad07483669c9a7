/** `locum server delete`. */
import { createClient } from '@connectrpc/connect';
import { DeleteServerResponseSchema, ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, tellDryRun } from '../output/print.ts';

export interface DeleteServerOptions extends DryRunOption {
  readonly etag?: string;
  readonly yes?: boolean;
}

export async function remove(
  globals: Globals,
  id: string,
  { etag = '', ...options }: DeleteServerOptions,
): Promise<void> {
  const name = nameIn('servers', id);
  const validateOnly = isDryRun(options);
  if (!validateOnly) await confirm(`Forget ${id}, with its rank, limit and labels?`, options);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).deleteServer({ name, etag, ...trialOf(options) });
    const gone = validateOnly ? 'would be gone' : 'is gone';
    const goes = `${validateOnly ? 'would go' : 'goes'} once its attempts are proven ended`;
    await printAnswer(globals, DeleteServerResponseSchema, answer, {
      table: () => `${id} ${answer.server === undefined ? gone : goes}.`,
      names: () => [name],
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}
