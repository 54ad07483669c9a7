/** `locum run show`. */
import { createClient } from '@connectrpc/connect';
import { GetRunResponseSchema, RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { resolveRun } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { runView } from './view.ts';

export async function show(globals: Globals, id: string): Promise<void> {
  await withTransport(globals, async (transport) => {
    const name = await resolveRun(transport, id);
    const answer = await createClient(RunService, transport).getRun({ name });
    await printAnswer(globals, GetRunResponseSchema, answer, runView(answer.run));
  });
}
