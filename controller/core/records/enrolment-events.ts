/** Events about certificates: join tokens, revocations, the authority itself. */
import { byAgent, byController, byOperator, type EventRow } from './event-row.ts';

export const ENROLMENT_EVENTS = {
  JOIN_TOKEN_CREATED: { says: 'A server can join with it, once.', ...byOperator },
  JOIN_TOKEN_USED: {
    says: 'A server showed it, and is given a certificate: from now on the token is good for nobody else.',
    ...byAgent,
    causes: ['JOIN'],
  },
  JOIN_TOKEN_REVOKED: { says: 'Nobody can join with it any more.', ...byOperator },
  CERTIFICATES_REVOKED: {
    says: 'What a server was given so far is refused from now on, and its stream ends; it has to join anew.',
    ...byOperator,
  },
  AUTHORITY_ROTATION_BEGUN: {
    says: 'A second root of the certificate authority is trusted. The old one still signs.',
    ...byOperator,
  },
  AUTHORITY_SWITCHED: {
    says: 'The new root signs, and everybody renews. The old one is still trusted.',
    ...byOperator,
  },
  AUTHORITY_ROTATION_FINISHED: {
    says: 'The old root is trusted no more. The message names who was left behind, if anybody was.',
    ...byOperator,
  },
  AUTHORITY_ROTATION_ABORTED: { says: 'The new root was given up before it signed anything.', ...byOperator },
  AUTHORITY_REWRAPPED: {
    says: 'The keys of the authority are kept in the store under another wrapping key.',
    ...byController,
    causes: ['WRAPPING_KEY'],
  },
  ENTRY_REFUSED: {
    says: 'An agent, or a host that wanted to join, was refused for what it showed; `reason` in the details says why. Equal ones are told once in ten minutes, with their count.',
    ...byController,
    causes: ['CREDENTIALS'],
  },
  JOIN_TOKEN_EXPIRED: {
    says: 'It was not used in time, and nobody can join with it any more.',
    ...byController,
    causes: ['TIME_OVER'],
  },
} as const satisfies Readonly<Record<string, EventRow>>;
