/** What controllers noted in front of the core: refusals, and what shows output. */
import { audit } from '../cluster/change.ts';
import type { Turn } from '../cluster/turn.ts';
import { tellOfRefusal } from '../servers/refusals.ts';
import type { CallOf, Outcome } from './outcome.ts';

export function recordAccess(turn: Turn, request: CallOf<'record_access'>, validateOnly: boolean): Outcome {
  const facts = validateOnly ? [] : request.facts;
  for (const one of facts) {
    audit(turn, one.kind === 'CHANGE' ? 'CHANGES' : 'ACCESS', one);
    tellOfRefusal(turn, one);
  }
  return { resource: 'audit/access', value: { kind: 'noted' } };
}
