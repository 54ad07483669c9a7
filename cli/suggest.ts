/** "Did you mean": the existing name that a mistyped one is closest to. */

import { createClient } from '@connectrpc/connect';
import { PolicyService } from '../shared/gen/locum/v1/policy_service_pb.ts';
import { nearest } from '../shared/rpc/nearest-name.ts';
import { fromConnectError } from '../shared/rpc/status-details.ts';
import { knownNames } from './client/known-names.ts';
import { withTransport } from './client/session.ts';
import type { Globals } from './globals.ts';
import { idOf } from './output/words.ts';
import { FORMERLY } from './policy/renamed-label.ts';

const SUGGEST_TIMEOUT_MS = 1_000;
const SHORTEST = 3;

type Where = Pick<Globals, 'address' | 'target'>;

/** Of a policy that was renamed. */
async function newNameOf(id: string, where: Where): Promise<string | undefined> {
  return withTransport({ ...where, timeout: SUGGEST_TIMEOUT_MS }, async (transport) => {
    const filter = [`${FORMERLY} = ${id}`];
    const { policies } = await createClient(PolicyService, transport).listPolicies({ pageSize: 1, filter });
    return policies[0] && idOf(policies[0].name);
  });
}

/** At most one line. Nothing when the names can't be read quickly: the error itself has been told. */
export async function suggestNames(error: unknown, where: Where): Promise<string[]> {
  const resource = fromConnectError(error)?.resource;
  const [collection = '', id = ''] = resource?.split('/') ?? [];
  try {
    const renamed = collection === 'policies' ? await newNameOf(id, where) : undefined;
    if (renamed !== undefined) return [`It is called "${renamed}" now.`];
    // Of one or two letters, every other one is near.
    if (id.length < SHORTEST) return [];
    const close = nearest(id, await knownNames(collection, { ...where, timeout: SUGGEST_TIMEOUT_MS }));
    return close === undefined ? [] : [`Did you mean "${close}"?`];
  } catch {
    return [];
  }
}
