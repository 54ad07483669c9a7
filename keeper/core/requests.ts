/** What an agent can ask, request by request. Everything is checked: an agent may be of another version, or broken. */
import { unreachable } from '../../shared/assert.ts';
import { type AttemptName, isLiving, keyOf, treeName } from './attempt.ts';
import { extended } from './deadline.ts';
import { forget } from './end.ts';
import type { AgentId, Ask, Extension, FromAgent, RequestId } from './event.ts';
import { refuse } from './refusal.ts';
import { acceptStart, isRef } from './start.ts';
import { endWhenEmpty } from './stay.ts';
import { stopTree } from './tree.ts';
import { answer, answerAfter, done, log, note, refused, type Turn } from './turn.ts';

export function acceptAsk(turn: Turn, { agent, request, ask }: Extract<FromAgent, { kind: 'asked' }>): void {
  // What an older connection sent and was not read counts no more (semantics: A9).
  if (turn.state.agent !== agent) return;
  switch (ask.kind) {
    case 'start':
      acceptStart(turn, agent, request, ask);
      return;
    case 'extend': {
      const past = ask.extensions.filter((extension) => !extend(turn, extension));
      answer(turn, agent, request, done({ refused: past.map(({ run, epoch }) => ({ run, epoch })) }));
      return;
    }
    case 'stop':
      stop(turn, { agent, request, ask });
      return;
    case 'forget':
      answer(turn, agent, request, forgetEnded(turn, ask.attempts));
      return;
    case 'ping':
      noteTerm(turn, ask.highestTerm);
      turn.effects.push({ kind: 'prove_hands', agent });
      return;
    case 'exit':
      answer(turn, agent, request, done());
      turn.state.forgets = ask.forget;
      endWhenEmpty(turn, ask.stopAll ? 'the agent leaves' : undefined);
      return;
    default:
      unreachable(ask);
  }
}

/** Whether the deadline was moved. */
function extend({ state, now }: Turn, { run, epoch, deadline: to }: Extension): boolean {
  const attempt = state.living.get(treeName(run, epoch));
  if (attempt === undefined || attempt.reaped) return false;
  if (!Number.isFinite(to.mono) || !Number.isFinite(to.boot)) return false;
  const deadline = extended(attempt, to, now);
  if (deadline === undefined) return false;
  attempt.deadline = deadline;
  return true;
}

interface StopAsked {
  readonly agent: AgentId;
  readonly request: RequestId;
  readonly ask: Extract<Ask, { kind: 'stop' }>;
}

/** Answered when the stop has begun; of what is not here, when it is written down that it never will be. */
function stop(turn: Turn, { agent, request, ask }: StopAsked): void {
  const { state } = turn;
  const { run, epoch } = ask.attempt;
  const attempt = state.attempts.get(keyOf(ask.attempt));
  if (attempt !== undefined) {
    if (isLiving(attempt)) stopTree(turn, attempt, ask.reason);
    answer(turn, agent, request, done());
    return;
  }
  const detail = `${run} with epoch ${epoch} is not here; it can't start here any more`;
  const notFound = refused(refuse('NOT_FOUND', detail));
  if (!isRef(ask.attempt)) {
    answer(turn, agent, request, notFound);
    return;
  }
  state.spent.spend(run, epoch);
  answerAfter(turn, { kind: 'spent', run, epoch }, { agent, request, answer: notFound });
}

/** Attempts that are not known are forgotten already. */
function forgetEnded(turn: Turn, refs: readonly AttemptName[]) {
  const found = refs.flatMap((ref) => turn.state.attempts.get(keyOf(ref)) ?? []);
  const living = found.filter(isLiving);
  for (const attempt of found) if (!isLiving(attempt)) forget(turn, attempt);
  if (living.length === 0) return done();
  const detail = `still there: ${living.map(keyOf).join(', ')}`;
  return refused(refuse('NOT_ENDED', detail), { refused: living.map(({ run, epoch }) => ({ run, epoch })) });
}

/** Keeps the highest term for the next agent. */
function noteTerm(turn: Turn, term: number): void {
  if (!Number.isSafeInteger(term) || term <= turn.state.highestTerm) return;
  turn.state.highestTerm = term;
  note(turn, { kind: 'highest_term', term });
}

/** Without a proof of the hands there is no pong: to the agent, a keeper that can't kill is as good as dead. */
export function acceptHands(turn: Turn, agent: AgentId, problem: string | undefined): void {
  if (turn.state.agent !== agent) return;
  if (problem === undefined) turn.effects.push({ kind: 'pong', agent });
  else log(turn, 'error', `can't do what a kill needs, so a ping is not answered: ${problem}`);
}
