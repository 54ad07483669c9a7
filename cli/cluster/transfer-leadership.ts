/** `locum transfer-leadership`: nothing stops and nothing moves, so it asks nothing. */
import { createClient } from '@connectrpc/connect';
import {
  ClusterService,
  ControllerRole,
  TransferLeadershipResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { idOf } from '../output/words.ts';

export async function transferLeadership(globals: Globals, id: string | undefined): Promise<void> {
  await withTransport(globals, async (transport) => {
    const cluster = createClient(ClusterService, transport);
    const { controllers } = await cluster.listControllers({});
    const leader = controllers.find(({ role }) => role === ControllerRole.LEADER);
    const controller = id === undefined || id.startsWith('controllers/') ? (id ?? '') : `controllers/${id}`;
    // With the term a repeated call can't move the lead a second time.
    const answer = await cluster.transferLeadership({ controller, term: leader?.term ?? 0n });
    await printAnswer(globals, TransferLeadershipResponseSchema, answer, {
      table: () =>
        answer.controller === ''
          ? 'The lead was given up; nobody leads yet. "locum controllers" shows who does.'
          : `${idOf(answer.controller)} leads now, in term ${answer.term}.`,
      names: () => [answer.controller],
    });
  });
}
