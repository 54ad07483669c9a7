/** `locum fence check`: for scripts that are about to do what must not be done twice. */
import { createClient } from '@connectrpc/connect';
import { CheckFenceResponseSchema, FenceService } from '../../shared/gen/locum/v1/fence_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';

export interface CheckOptions {
  readonly run?: string;
}

export async function check(globals: Globals, id: string, epoch: bigint, options: CheckOptions): Promise<void> {
  const policy = nameIn('policies', id);
  const run = options.run === undefined ? '' : nameIn('runs', options.run);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(FenceService, transport).checkFence({ policy, epoch, run });
    await printAnswer(globals, CheckFenceResponseSchema, answer, {
      table: () => (answer.current ? `current: ${answer.message}` : ''),
      names: () => (answer.run === '' ? [] : [answer.run]),
    });
    if (!answer.current) throw new CommandFailure(`not current: ${answer.message}`, EXIT.conflict);
  });
}
