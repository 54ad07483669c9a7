/** Which policies a command is about: those that are named, or those whose labels meet a selector. */
import { createClient, type Transport } from '@connectrpc/connect';
import { eachItem, PAGE_SIZE } from '../../sdk/typescript/pages.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { SelectorOption } from '../globals.ts';

/** Each once, in the order in which they were named, or by name. @throws CommandFailure when there is none to be chosen */
export async function chosenPolicies(
  transport: Transport,
  ids: readonly string[],
  { selector = [] }: SelectorOption,
): Promise<readonly string[]> {
  if (selector.length === 0) {
    if (ids.length === 0) throw new CommandFailure('name a policy, or choose some by their labels: -l team=payments');
    return [...new Set(ids.map((id) => nameIn('policies', id)))];
  }
  if (ids.length > 0) throw new CommandFailure('name policies, or choose them by their labels, not both');
  const client = createClient(PolicyService, transport);
  const read = (pageToken: string) => client.listPolicies({ pageSize: PAGE_SIZE, pageToken, filter: [...selector] });
  const names: string[] = [];
  for await (const { name } of eachItem(read, (page) => page.policies)) names.push(name);
  if (names.length === 0)
    throw new CommandFailure(`no policy has labels that meet ${selector.join(' and ')}`, EXIT.notFound);
  return names;
}
