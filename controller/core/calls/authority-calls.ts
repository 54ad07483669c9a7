/** Steps of a change of the certificate authority (ADR 0034). What is signed and where keys are is the shell's; here it is judged who is ready. */
import { stateProblem } from '../../../shared/errors.ts';
import { keepAuthority } from '../cluster/change.ts';
import type { Turn } from '../cluster/turn.ts';
import {
  AUTHORITY_KEY,
  type AuthorityPhase,
  type AuthorityRecord,
  type AuthorityRoot,
  type AuthorityStep,
  type Laggard,
} from '../records/authority.ts';
import { laggardText, readiness, tellAuthority } from '../servers/authority.ts';
import type { CallOf, Outcome } from './outcome.ts';

type Rotate = CallOf<'rotate_authority'>;

/** From where each step can be taken, and what to do elsewhere. */
const FROM: Readonly<Record<AuthorityStep, AuthorityPhase>> = {
  BEGIN: 'STEADY',
  SWITCH: 'TRUSTING',
  FINISH: 'RENEWING',
  ABORT: 'TRUSTING',
};

const WHERE: Readonly<Record<AuthorityPhase, string>> = {
  STEADY: 'no change is under way: begin one with `locum pki rotate begin`',
  TRUSTING:
    'the new root is trusted and does not sign yet: go on with `locum pki rotate switch`, or give it up with `locum pki rotate abort`',
  RENEWING: 'the new root signs already: end it with `locum pki rotate finish`',
};

const TYPES = {
  BEGIN: 'AUTHORITY_ROTATION_BEGUN',
  SWITCH: 'AUTHORITY_SWITCHED',
  FINISH: 'AUTHORITY_ROTATION_FINISHED',
  ABORT: 'AUTHORITY_ROTATION_ABORTED',
} as const;

export function rotateAuthority(turn: Turn, request: Rotate, validateOnly: boolean): Outcome {
  const { state, now, journal } = turn;
  const before = state.authority ?? unchanged(request);
  const { step } = request;
  if (before.phase !== FROM[step]) throw stateProblem('AUTHORITY_WRONG_PHASE', AUTHORITY_KEY, WHERE[before.phase]);
  const { behind } = readiness(state, before, request.controllers);
  if (step === 'SWITCH' || step === 'FINISH') refuseWhileInUse(behind, request);
  const after: AuthorityRecord = {
    ...stepped(before, request),
    ...{ sinceWall: now.wall, creator: journal.actor },
  };
  const left = step === 'SWITCH' || step === 'FINISH' ? behind : [];
  if (!validateOnly) {
    keepAuthority(turn, after, { type: TYPES[step], cause: 'OPERATOR', message: messageOf(before, after, step, left) });
    for (const session of state.sessions.values()) tellAuthority(turn, session);
  }
  return { resource: AUTHORITY_KEY, value: { kind: 'authority', authority: after, behind: left } };
}

/** As the controllers' files have it. */
const unchanged = ({ present }: Rotate): AuthorityRecord => ({
  ...{ kind: 'authority', phase: 'STEADY', roots: [present], endorsements: '', sinceWall: undefined, creator: '' },
});

/** Servers can join anew; a controller that is not ready would end what it is there for. */
function refuseWhileInUse(behind: readonly Laggard[], { step, force }: Rotate): void {
  const held = force ? behind.filter(({ name }) => name.startsWith('controllers/')) : holding(behind, step);
  if (held.length === 0) return;
  const isServers = held.some(({ name }) => name.startsWith('servers/'));
  const advice = isServers
    ? 'wait until they have renewed (`locum pki status`); with --force they are left behind, and have to join anew'
    : 'give it the key of the new root, or stop it';
  throw stateProblem('AUTHORITY_IN_USE', AUTHORITY_KEY, `${laggardText(held)}: ${advice}`);
}

/** Who is away learns of the new root when it comes back, as long as the old one is trusted: it holds back only the end. */
const holding = (behind: readonly Laggard[], step: AuthorityStep): readonly Laggard[] =>
  step === 'FINISH' ? behind : behind.filter(({ connected }) => connected);

function stepped(before: AuthorityRecord, { step, next, endorsements }: Rotate): AuthorityRecord {
  const [first, second = first] = before.roots;
  switch (step) {
    case 'BEGIN': {
      // Only tried: there is no new root yet.
      if (next === undefined) return { ...before, phase: 'TRUSTING' };
      if (next.hash === first.hash)
        throw stateProblem('AUTHORITY_WRONG_PHASE', AUTHORITY_KEY, 'that root signs already: give another one');
      return { ...before, phase: 'TRUSTING', roots: [first, next], endorsements };
    }
    case 'SWITCH':
      return { ...before, phase: 'RENEWING', roots: [second, first] };
    case 'FINISH':
    case 'ABORT':
      return { ...before, phase: 'STEADY', roots: [first], endorsements: '' };
  }
}

function messageOf(
  before: AuthorityRecord,
  after: AuthorityRecord,
  step: AuthorityStep,
  left: readonly Laggard[],
): string {
  const gone = before.roots.find(({ hash }) => after.roots.every((root) => root.hash !== hash))?.hash;
  switch (step) {
    case 'BEGIN':
      return `root ${after.roots.at(-1)?.hash} is trusted beside ${after.roots[0].hash}`;
    case 'SWITCH':
      return `root ${after.roots[0].hash} signs from now on; ${after.roots.at(-1)?.hash} is still trusted`;
    case 'FINISH':
      return `root ${gone} is trusted no more${left.length === 0 ? '' : `; left behind: ${laggardText(left)}`}`;
    case 'ABORT':
      return `root ${gone} is given up before it signed anything`;
  }
}

/** The leader's own: the same keys, wrapped with another one or for the first time. */
export function rewrapAuthority(turn: Turn, request: CallOf<'rewrap_authority'>, validateOnly: boolean): Outcome {
  const { keys, present } = request;
  const authority = turn.state.authority ?? present;
  const rewrapped = (one: AuthorityRoot): AuthorityRoot => {
    const wrapped = keys.find(({ hash }) => hash === one.hash)?.wrapped;
    return wrapped === undefined ? one : { ...one, wrapped };
  };
  const [first, ...others] = authority.roots;
  const after: AuthorityRecord = { ...authority, roots: [rewrapped(first), ...others.map(rewrapped)] };
  if (!validateOnly) {
    const by = [...new Set(keys.map(({ wrapped }) => wrapped.by))].join(', ');
    const message = `the keys of the authority are wrapped with wrapping key ${by} from now on`;
    keepAuthority(turn, after, { type: 'AUTHORITY_REWRAPPED', cause: 'WRAPPING_KEY', message });
  }
  return { resource: AUTHORITY_KEY, value: { kind: 'authority', authority: after, behind: [] } };
}
