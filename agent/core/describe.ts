/** The state of an agent for people: what `locum agent status` prints. */

import { leftMs, type Reading } from '../../shared/lease-clock.ts';
import type { OnDisconnect, ReportedAttempt } from '../../shared/protocol/attempt.ts';
import { isBoundByLease } from './attempt.ts';
import { type CertificateDescription, describeCertificate } from './certificate.ts';
import type { AgentState, Keeper } from './state.ts';

export interface AgentDescription {
  /** Undefined: no session with a leader. */
  readonly session:
    | { readonly id: string; readonly endpoint: string; readonly term: number; readonly generation: number }
    | undefined;
  /** Endpoint that is being tried; empty: none. */
  readonly dialling: string;
  /** What ended the last try or session; empty: nothing did. */
  readonly lastProblem: string;
  readonly keeper: Keeper['kind'];
  /** How process trees are held together; empty: not known yet. */
  readonly containment: string;
  readonly uid: string;
  readonly clusterId: string;
  readonly highestTerm: number;
  readonly leaving: boolean;
  /** Undefined: it has none, and dials in plaintext. */
  readonly certificate: CertificateDescription | undefined;
  readonly attempts: readonly AttemptDescription[];
}

export interface AttemptDescription {
  readonly status: ReportedAttempt;
  readonly onDisconnect: OnDisconnect;
  /** Time until its lease ends; undefined: its lease does not end it. */
  readonly leaseLeftMs: number | undefined;
}

export function describe(state: AgentState, now: Reading): AgentDescription {
  const { session, candidate, keeper } = state;
  return {
    session: session && {
      id: session.id,
      endpoint: session.endpoint,
      term: session.term,
      generation: session.generation,
    },
    dialling: candidate?.endpoint ?? '',
    lastProblem: state.dialling.lastProblem,
    keeper: keeper.kind,
    containment: keeper.kind === 'live' ? keeper.containment : '',
    uid: state.uid,
    clusterId: state.clusterId,
    highestTerm: state.highestTerm,
    leaving: state.leaving !== undefined,
    certificate: describeCertificate(state.renewal),
    attempts: [...state.attempts.values()].map((attempt) => ({
      status: attempt.status,
      onDisconnect: attempt.terms.onDisconnect,
      leaseLeftMs: isBoundByLease(attempt) ? leftMs(attempt.deadline, now) : undefined,
    })),
  };
}
