/** Events that not everybody sees who may read events: who may not list roles, tokens and users does not read of them in the log either. */
import type { Permission } from '../../../shared/access/permissions.ts';
import type { KnownEvent } from './event-type.ts';
import { UNKNOWN_WORD } from './run-reason.ts';

const ABOUT_ACCESS = [
  'ROLE_SET',
  'ROLE_DELETED',
  'TOKEN_CREATED',
  'TOKEN_REVOKED',
  'USER_SET',
  'USER_DELETED',
] as const;
const ABOUT_JOINING = ['JOIN_TOKEN_CREATED', 'JOIN_TOKEN_USED', 'JOIN_TOKEN_REVOKED', 'JOIN_TOKEN_EXPIRED'] as const;

/**
 * What shows them, all of it given for everything, beside `events.read`. What a newer controller wrote may be about any of it: during an
 * upgrade those that are older show it only to who may see the rest as well.
 */
export const GUARDED_EVENTS: ReadonlyMap<KnownEvent, readonly Permission[]> = new Map<
  KnownEvent,
  readonly Permission[]
>([
  ...ABOUT_ACCESS.map((type) => [type, ['access.read']] as const),
  ...ABOUT_JOINING.map((type) => [type, ['enrolment.read']] as const),
  [UNKNOWN_WORD, ['access.read', 'enrolment.read']],
]);
