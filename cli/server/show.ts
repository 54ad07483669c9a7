/** `locum server show`. */
import { createClient } from '@connectrpc/connect';
import { GetServerResponseSchema, ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { serverView } from './view.ts';

export async function show(globals: Globals, id: string): Promise<void> {
  const name = nameIn('servers', id);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(ServerService, transport).getServer({ name });
    await printAnswer(globals, GetServerResponseSchema, answer, serverView(answer.server));
  });
}
