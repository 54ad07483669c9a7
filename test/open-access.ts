/** An API that asks nobody who he is, for tests of everything else. */
import { createContextValues } from '@connectrpc/connect';
import { AccessNotes } from '../controller/access/access-notes.ts';
import { AccessParts, type ApiAccess } from '../controller/access/access-parts.ts';
import { API_SERVICES } from '../controller/api/api-services.ts';
import { ANYBODY, type KnownCaller } from '../shared/access/principal.ts';
import { assert } from '../shared/assert.ts';
import { createLogger } from '../shared/log.ts';
import { callerKey } from '../shared/rpc/caller.ts';

const CALLER: KnownCaller = { principal: ANYBODY, actor: 'operator', source: '' };

/** For handlers that are called without a listener. */
export const anybodysCall = () => createContextValues().set(callerKey, CALLER);

export function openAccess(): ApiAccess {
  const log = createLogger({ name: 'test', level: 'silent', format: 'json' });
  const replica = (): never => assert(false, 'an open API looks nobody up') as never;
  const parts = new AccessParts({
    self: 'c1',
    open: true,
    dataDirectory: undefined,
    log,
    leaderTerm: () => undefined,
    replica,
    shutdownSignal: AbortSignal.abort(),
  });
  return parts.api(API_SERVICES, new AccessNotes());
}
