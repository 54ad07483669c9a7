/** `locum policy show`. */
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE } from '../../sdk/typescript/pages.ts';
import { GetPolicyResponseSchema, PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { policyText } from './view.ts';

export async function show(globals: Globals, id: string): Promise<void> {
  const name = nameIn('policies', id);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(PolicyService, transport).getPolicy({ name });
    const { policy } = answer;
    const people = globals.output === 'table' || globals.output === 'wide';
    const { runs } = people
      ? await createClient(RunService, transport).listRuns({ pageSize: PAGE_SIZE, policy: name })
      : { runs: [] };
    await printAnswer(globals, GetPolicyResponseSchema, answer, {
      table: ({ wide }) => (policy === undefined ? '' : policyText({ name, policy, runs }, wide)),
      names: () => [name],
    });
  });
}
