/**
 * When the certificate of this server is renewed. Nothing else in the core looks at certificates: streams, leases and runs go on with
 * an old one, and without any.
 *
 * A certificate counts wall time, which steps; the core's own clocks do not, but know nothing of the time before this process. So its
 * age is the most that any of them counted, as with leases (semantics: A6): too early costs one call, too late locks this host out. A
 * clock that is wrong for good must not ask for ever, so a new certificate is left alone for a tenth of its life whatever the wall says.
 */
import { unreachable } from '../../shared/assert.ts';
import { backoffMs } from '../../shared/backoff.ts';
import { lateFromWall, lifeMs } from '../../shared/certificate-life.ts';
import { deadlineAfter, isPast, leftMs, readingOf } from '../../shared/lease-clock.ts';
import { Prng } from '../../shared/prng.ts';
import type { AuthorityNotice } from '../../shared/protocol/leader-message.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/time.ts';
import {
  ageMs,
  type CertificateFacts,
  type OwnCertificate,
  type RenewalOutcome,
  remainingMs,
  tryableMs,
} from './certificate.ts';
import type { AgentState } from './state.ts';
import { log, type Turn } from './turn.ts';

/** Parts of its life: it is renewed from two thirds on, a twelfth later at the latest, so that who joined together does not come together. */
const [DUE, SPREAD] = [2 / 3, 1 / 12];
/** Part of its life for which a new one is left alone, even if the wall clock takes it for old. */
const REST = 1 / 10;
/** What becomes due out of turn (a clock stepped, the host was off) is asked for within so long: others have it, too. */
const SURPRISE_MS = 30 * SECOND;
/** So far apart are those that renew because the authority was changed; the leader tells them their turns besides. */
const CHANGE_MS = 2 * SECOND;
/** Clocks drift apart by less within the life of a certificate. */
const DRIFT_MS = MINUTE;
/** Ceiling of the waits between rounds of tries, and the part of the time that is left which it never exceeds. */
const [PATIENT_MS, EAGER_PART] = [15 * MINUTE, 1 / 20];
/** Ceiling of the first wait, and the lowest; with short lives (tests) a sixtieth of the life. */
const EAGER_MS = 5 * SECOND;
/** A controller that says no for good is not asked for so long; a new certificate ends the wait. */
const REFUSED_MS = HOUR;

/** Takes up a certificate: the first one, one that somebody put into the folder, or one that was asked for. */
export function takeCertificate(turn: Turn, facts: CertificateFacts, { isNew = false } = {}): void {
  const { state, now } = turn;
  const life = lifeMs(facts);
  state.renewal.certificate = {
    facts,
    since: readingOf(now),
    ageThenMs: Math.min(Math.max(0, now.wall - facts.notBeforeWall), isNew ? life * REST : Number.POSITIVE_INFINITY),
    dueAgeMs: life * (DUE + SPREAD * new Prng(facts.seed).float()),
    due: false,
    notBefore: deadlineAfter(now, isNew ? life * REST : 0),
    isLate: false,
    isForeign: false,
  };
  Object.assign(state.renewal, { failures: 0, turn: 0, problem: '', changed: true });
}

/** Called at the end of every step: asks a controller when it is time. */
export function renewWhenDue(turn: Turn): void {
  const { state, now, effects } = turn;
  const { renewal } = state;
  const { certificate } = renewal;
  if (certificate === undefined || certificate.isForeign || renewal.asking || state.leaving !== undefined) return;
  if (!certificate.due) becomeDue(turn, certificate);
  if (!certificate.due || !isPast(certificate.notBefore, now)) return;
  renewal.asking = true;
  effects.push({ kind: 'renew_certificate', endpoint: nextController(state) });
}

/** By its own clocks it comes in its turn. After a step of a clock, in suspend, or when it is taken up too late, it comes with others. */
function becomeDue({ state, now }: Turn, certificate: OwnCertificate): void {
  const { since, ageThenMs, dueAgeMs } = certificate;
  if (ageMs(certificate, now) < dueAgeMs || !isPast(certificate.notBefore, now)) return;
  certificate.due = true;
  const dueAt = deadlineAfter(since, dueAgeMs - ageThenMs);
  if (Math.abs(leftMs(dueAt, now)) < DRIFT_MS && leftMs(dueAt, since) > 0) return;
  const withinMs = Math.min(SURPRISE_MS, Math.max(0, remainingMs(certificate, now)) * EAGER_PART);
  certificate.notBefore = deadlineAfter(now, withinMs * state.random.float());
}

/** The leader signs, and nobody else: that of the session, or whoever of the own list it may be. */
const nextController = ({ session, endpoints, renewal }: AgentState): string =>
  session?.endpoint ?? endpoints[renewal.turn % endpoints.length] ?? '';

/** A controller has answered, or could not be asked. */
export function acceptRenewal(turn: Turn, outcome: RenewalOutcome): void {
  const { renewal } = turn.state;
  renewal.asking = false;
  switch (outcome.kind) {
    case 'RENEWED': {
      takeCertificate(turn, outcome.certificate, { isNew: true });
      renewForAuthority(turn);
      log(turn, 'info', 'the certificate was renewed', { days: daysOf(lifeMs(outcome.certificate)) });
      return;
    }
    case 'FOREIGN':
      if (renewal.certificate !== undefined) renewal.certificate.isForeign = true;
      return;
    case 'REFUSED':
      noteProblem(turn, `${outcome.reason}: ${outcome.detail}`);
      waitAfterRefusal(turn, outcome);
      return;
    case 'FAILED':
      noteProblem(turn, outcome.detail);
      renewal.turn += 1;
      waitAtLeast(turn, 0);
      return;
    default:
      unreachable(outcome);
  }
}

function waitAfterRefusal(turn: Turn, { reason, retryAfterMs }: Extract<RenewalOutcome, { kind: 'REFUSED' }>): void {
  const { renewal, random } = turn.state;
  const isFinal = reason === 'CERTIFICATE_REVOKED' || reason === 'INVALID_FIELD';
  // Who is busy is asked again; who does not lead, or can't sign, may not be the only one.
  const isBusy = reason === 'OVERLOADED' || reason === 'TOO_MANY_REQUESTS';
  if (!isBusy) renewal.turn += 1;
  if (isFinal) waitAtLeast(turn, REFUSED_MS * (1 + random.float()));
  // A little later each, for the time was told to many.
  else waitAtLeast(turn, isBusy ? (retryAfterMs ?? 0) * (1 + random.float() / 10) : 0);
}

/**
 * Plans the next try, with full jitter. The wait grows with the rounds through the controllers, and ever less of the time that is left is
 * spent on waiting. Nobody sends this host away for longer than half of that.
 */
function waitAtLeast({ state, now }: Turn, askedMs: number): void {
  const { renewal } = state;
  const { certificate } = renewal;
  const rounds = Math.floor(renewal.failures / state.endpoints.length);
  renewal.failures += 1;
  if (certificate === undefined) return;
  const floorMs = Math.min(EAGER_MS, lifeMs(certificate.facts) / 60);
  const leftOfLifeMs = tryableMs(certificate, now);
  // Once it is over, no controller takes it: what helps is a new one in the folder, or a clock that is set right.
  const eagerMs = leftOfLifeMs <= 0 ? PATIENT_MS : Math.max(floorMs, leftOfLifeMs * EAGER_PART);
  const options = { baseMs: floorMs, capMs: Math.min(PATIENT_MS, eagerMs) };
  const waitMs = backoffMs(options, rounds, state.random.float());
  const mostMs = leftOfLifeMs <= 0 ? 2 * REFUSED_MS : Math.max(floorMs, leftOfLifeMs / 2);
  certificate.notBefore = deadlineAfter(now, Math.max(waitMs, Math.min(askedMs, mostMs)));
}

/** The same problem again and again is one line in the log, and a second one when it becomes serious, not a thousand. */
function noteProblem(turn: Turn, problem: string): void {
  const { renewal } = turn.state;
  const { certificate } = renewal;
  if (certificate === undefined) return;
  // The leader's status says so from here on, too.
  const isLate = ageMs(certificate, turn.now) > lateFromWall(certificate.facts) - certificate.facts.notBeforeWall;
  const isKnown = renewal.problem === problem && certificate.isLate === isLate;
  renewal.changed ||= renewal.problem !== problem;
  renewal.problem = problem;
  certificate.isLate = isLate;
  const level = isKnown ? 'debug' : isLate ? 'error' : 'warn';
  const leftDays = daysOf(remainingMs(certificate, turn.now));
  log(turn, level, 'the certificate was not renewed, and is tried again', { problem, leftDays });
}

/**
 * When renewWhenDue has something to do by itself, monotonic; undefined: never. A step of the wall clock is seen with the next step of
 * the core: there is one every few seconds.
 */
export function nextRenewalCheck({ state, now }: Turn): number | undefined {
  const { certificate, asking } = state.renewal;
  if (certificate === undefined || certificate.isForeign || asking || state.leaving !== undefined) return undefined;
  const { since, dueAgeMs, ageThenMs, due, notBefore } = certificate;
  const again = now.mono + Math.max(0, leftMs(notBefore, now));
  if (due) return again;
  return Math.max(again, now.mono + Math.max(0, leftMs(deadlineAfter(since, dueAgeMs - ageThenMs), now)));
}

/** The leader says what the authority is. Whoever has others renews, out of turn. */
export function heedAuthority(turn: Turn, { trusted, signing }: Pick<AuthorityNotice, 'trusted' | 'signing'>): void {
  const { renewal } = turn.state;
  renewal.authority = { trusted, signing };
  renewal.mismatches = 0;
  renewForAuthority(turn);
}

/** A leader that has just been told itself may sign as before once more: it is asked again, ever less often. */
function renewForAuthority({ state, now }: Turn): void {
  const { certificate, authority, mismatches } = state.renewal;
  if (certificate === undefined || authority === undefined || isOf(certificate.facts, authority)) return;
  const withinMs = Math.min(PATIENT_MS, CHANGE_MS * 2 ** mismatches);
  state.renewal.mismatches += 1;
  certificate.due = true;
  certificate.notBefore = deadlineAfter(now, withinMs * state.random.float());
}

const isOf = (
  { trusts, issuer }: Pick<CertificateFacts, 'trusts' | 'issuer'>,
  { trusted, signing }: Pick<AuthorityNotice, 'trusted' | 'signing'>,
): boolean => issuer === signing && [...trusts].sort().join() === [...trusted].sort().join();

/** With one digit: most lives are weeks. */
const daysOf = (ms: number): number => Math.round((10 * ms) / DAY) / 10;
