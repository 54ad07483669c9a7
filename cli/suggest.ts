/** "Did you mean": the existing name that a mistyped one is closest to. */

import { nearest } from '../shared/rpc/nearest-name.ts';
import { fromConnectError } from '../shared/rpc/status-details.ts';
import { knownNames } from './client/known-names.ts';
import type { Globals } from './globals.ts';

const SUGGEST_TIMEOUT_MS = 1_000;
const SHORTEST = 3;

/** At most one line. Nothing when the names can't be read quickly: the error itself has been told. */
export async function suggestNames(error: unknown, { address }: Pick<Globals, 'address'>): Promise<string[]> {
  const resource = fromConnectError(error)?.resource;
  const [collection = '', id = ''] = resource?.split('/') ?? [];
  // Of one or two letters, every other one is near.
  if (id.length < SHORTEST) return [];
  try {
    const close = nearest(id, await knownNames(collection, { address, timeout: SUGGEST_TIMEOUT_MS }));
    return close === undefined ? [] : [`Did you mean "${close}"?`];
  } catch {
    return [];
  }
}
