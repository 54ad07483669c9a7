/** `locum server delete`. */
import { createClient } from '@connectrpc/connect';
import { DeleteServerResponseSchema, ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer } from '../output/print.ts';

export async function remove(
  globals: Globals,
  id: string,
  { etag, yes }: { etag?: string; yes?: boolean },
): Promise<void> {
  const name = nameIn('servers', id);
  await confirm(`Forget ${id}, with its rank, limit and labels?`, yes === undefined ? {} : { yes });
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).deleteServer({ name, etag: etag ?? '' });
    await printAnswer(globals, DeleteServerResponseSchema, answer, {
      table: () => (answer.server === undefined ? `${id} is gone.` : `${id} goes once its attempts are proven ended.`),
      names: () => [name],
    });
  });
}
