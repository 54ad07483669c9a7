/** The certificate that this agent shows to controllers, as far as its core knows it. */
import { type CertificateLife, lifeMs } from '../../shared/certificate-life.ts';
import { type Deadline, elapsedMs, type Reading } from '../../shared/lease-clock.ts';
import type { HeldCertificate } from '../../shared/protocol/agent-message.ts';
import type { AuthorityNotice } from '../../shared/protocol/leader-message.ts';
import { bounded } from './attempt.ts';
import type { AgentNow } from './clock.ts';

/** What the core knows of a certificate. */
export interface CertificateFacts extends CertificateLife {
  /** Made from the certificate: another one for each, and the same after a restart. */
  readonly seed: number;
  /** Hashes of the roots that are trusted beside it. */
  readonly trusts: readonly string[];
  /** Hash of what signed it. Undefined: that is not among them. */
  readonly issuer: string | undefined;
}

/** What came of asking one controller. */
export type RenewalOutcome =
  | { readonly kind: 'RENEWED'; readonly certificate: CertificateFacts }
  /** `reason` is that of the controller's answer; `retryAfterMs`: it said when to come again. */
  | {
      readonly kind: 'REFUSED';
      readonly reason: string;
      readonly detail: string;
      readonly retryAfterMs: number | undefined;
    }
  /** No answer, one that can't be used, or a disk that did not take it. */
  | { readonly kind: 'FAILED'; readonly detail: string }
  /** Other tools put it there, and renew it. */
  | { readonly kind: 'FOREIGN' };

/** A certificate that is in use. */
export interface OwnCertificate {
  readonly facts: CertificateFacts;
  /** When this process took it up, and its age then by the wall clock; of a new one no more than it may be backdated. */
  readonly since: Reading;
  readonly ageThenMs: number;
  /** Age from which on it is to be renewed. */
  readonly dueAgeMs: number;
  /** It is due, and a first try was planned. */
  due: boolean;
  /** It is not asked for before. */
  notBefore: Deadline;
  /** A try failed so late that somebody should look. */
  isLate: boolean;
  isForeign: boolean;
}

export interface Renewal {
  certificate: OwnCertificate | undefined;
  /** A controller is being asked. */
  asking: boolean;
  /** Tries since the last success. */
  failures: number;
  /** Which of the own list is next where there is no session. */
  turn: number;
  /** Why it was not renewed, for people; empty: nothing is wrong. */
  problem: string;
  /** What the leader said last of the authority. Undefined: nothing. */
  authority: Pick<AuthorityNotice, 'trusted' | 'signing'> | undefined;
  /** Renewals in a row that did not bring what it said. */
  mismatches: number;
  /** The leader does not know all of this yet. */
  changed: boolean;
}

export const noCertificate = (): Renewal => ({
  certificate: undefined,
  asking: false,
  failures: 0,
  turn: 0,
  problem: '',
  authority: undefined,
  mismatches: 0,
  changed: false,
});

/** The most that any clock counted. */
export function ageMs({ facts, since, ageThenMs }: OwnCertificate, now: AgentNow): number {
  return Math.max(now.wall - facts.notBeforeWall, ageThenMs + elapsedMs(since, now));
}

/** What may be left of it: if one clock says that it is over and the other does not, it is worth every try. 0: both say so. */
export function tryableMs(own: OwnCertificate, now: AgentNow): number {
  const life = lifeMs(own.facts);
  const left = [life - (now.wall - own.facts.notBeforeWall), life - own.ageThenMs - elapsedMs(own.since, now)];
  const some = left.filter((ms) => ms > 0);
  return some.length === 0 ? 0 : Math.min(...some);
}

export const remainingMs = (own: OwnCertificate, now: AgentNow): number => lifeMs(own.facts) - ageMs(own, now);

/** For people. */
export interface CertificateDescription {
  /** Unix milliseconds. */
  readonly notAfterWall: number;
  /** When it is renewed if nothing is in the way, by the wall clock. Undefined: other tools do that. */
  readonly renewalWall: number | undefined;
  /** Why it was not renewed; empty: nothing is wrong. */
  readonly problem: string;
}

export function describeCertificate({ certificate, problem }: Renewal): CertificateDescription | undefined {
  if (certificate === undefined) return undefined;
  const { facts, dueAgeMs, isForeign } = certificate;
  const renewalWall = isForeign ? undefined : Math.round(facts.notBeforeWall + dueAgeMs);
  return { notAfterWall: facts.notAfterWall, renewalWall, problem };
}

/** What the leader is told of it. */
export function heldCertificate({ certificate, problem }: Renewal): HeldCertificate | undefined {
  if (certificate === undefined) return undefined;
  const { notBeforeWall, notAfterWall } = certificate.facts;
  return { notBeforeWall, notAfterWall, renewalProblem: bounded(problem) };
}
