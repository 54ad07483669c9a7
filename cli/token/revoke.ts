/** `locum token revoke`. */
import { createClient } from '@connectrpc/connect';
import { EnrolmentService } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printLine } from '../output/print.ts';

export async function revokeTokens(globals: Globals, ids: readonly string[]): Promise<void> {
  await withTransport(globals, async (transport) => {
    const client = createClient(EnrolmentService, transport);
    for (const id of ids) {
      // Whoever pastes the whole token means its id, and the secret goes nowhere.
      const [name = ''] = id.replace(/^joinTokens\//, '').split('.');
      await client.revokeJoinToken({ name: `joinTokens/${name}` });
      printLine(`join token ${name} lets nobody join`);
    }
  });
}
