/** `locum policy show`. */
import { createClient, type Transport } from '@connectrpc/connect';
import { PAGE_SIZE } from '../../sdk/typescript/pages.ts';
import { GetPolicyResponseSchema, PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { withTransport } from '../client/session.ts';
import { type Globals, isForPeople, type SelectorOption } from '../globals.ts';
import { printAnswer, printLine, printStreamed } from '../output/print.ts';
import { chosenPolicies } from './chosen.ts';
import { manifestText } from './manifest.ts';
import { policyText } from './view.ts';

export async function show(globals: Globals, ids: readonly string[], options: SelectorOption): Promise<void> {
  await withTransport(globals, async (transport) => {
    const names = await chosenPolicies(transport, ids, options);
    for (const [index, name] of names.entries()) {
      if (index > 0 && globals.output === 'yaml') printLine('---');
      if (index > 0 && ['table', 'wide'].includes(globals.output)) printLine('');
      await showOne(globals, transport, name, names.length > 1);
    }
  });
}

async function showOne(globals: Globals, transport: Transport, name: string, isOneOfMany: boolean): Promise<void> {
  const answer = await createClient(PolicyService, transport).getPolicy({ name });
  const { policy } = answer;
  // A file, as `apply` takes it.
  if (globals.output === 'yaml') return printLine((policy === undefined ? '' : await manifestText(policy)).trimEnd());
  const people = isForPeople(globals);
  const { runs } = people
    ? await createClient(RunService, transport).listRuns({ pageSize: PAGE_SIZE, policy: name })
    : { runs: [] };
  const print = isOneOfMany ? printStreamed : printAnswer;
  await print(globals, GetPolicyResponseSchema, answer, {
    table: ({ wide }) => (policy === undefined ? '' : policyText({ name, policy, runs }, wide)),
    names: () => [name],
  });
}
