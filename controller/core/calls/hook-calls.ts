/** How far hooks are: what the leader notes as it tells them, and what an operator has forgotten. */
import { LocumError, notFound } from '../../../shared/errors.ts';
import { dropHook, keepHook, tell } from '../cluster/change.ts';
import type { Turn } from '../cluster/turn.ts';
import type { HookFailing, HookNews } from '../records/hook-record.ts';
import { hookKey } from '../records/keys.ts';
import { type CallOf, goneOutcome, type Outcome } from './outcome.ts';

/** Hooks that are configured, and those that were once: more than any configuration has. */
const HOOKS_KEPT = 100;

/** @throws LocumError TOO_MANY_REQUESTS as many names are remembered as may be */
export function noteHook(turn: Turn, request: CallOf<'note_hook'>, validateOnly: boolean): Outcome {
  const { hook, news } = request;
  const before = turn.state.hooks.get(hook);
  if (before === undefined && turn.state.hooks.size >= HOOKS_KEPT) throw tooMany();
  const outcome: Outcome = { resource: hookKey(hook), value: { kind: 'noted' } };
  if (validateOnly) return outcome;
  const position = Math.max(before?.position ?? 0, Math.min(request.position, turn.state.meta.lastEvent));
  const failing = failingAfter(before?.failing, news, turn.now.wall);
  if (before?.position !== position || before.failing !== failing) {
    keepHook(turn, { kind: 'hook', hook, position, failing });
  }
  const isRepeated = (news?.kind === 'TAKES' || news?.kind === 'FAILS') && before?.failing === failing;
  if (news !== undefined && !isRepeated) tellNews(turn, hook, news, before?.failing);
  return outcome;
}

/** Why it failed at first stays: the problem of each try is nothing for the store. */
function failingAfter(
  before: HookFailing | undefined,
  news: HookNews | undefined,
  wall: number,
): HookFailing | undefined {
  if (news?.kind === 'TAKES') return undefined;
  if (news?.kind === 'FAILS') return before ?? { sinceWall: wall, problem: news.problem };
  return before;
}

/** @throws LocumError NOT_FOUND */
export function forgetHook(turn: Turn, { hook }: CallOf<'forget_hook'>, validateOnly: boolean): Outcome {
  const name = hookKey(hook);
  if (!turn.state.hooks.has(hook)) throw notFound(name);
  if (validateOnly) return goneOutcome(name);
  dropHook(turn, hook);
  const message = `how far hook ${hook} is was forgotten: one of that name begins with the newest event`;
  tell(turn, 'CLUSTER', { type: 'HOOK_FORGOTTEN', cause: 'OPERATOR', message, details: { hook } });
  return goneOutcome(name);
}

function tellNews(turn: Turn, hook: string, news: HookNews, failing: HookFailing | undefined): void {
  switch (news.kind) {
    case 'FAILS': {
      const message = `hook ${hook} takes no events, they wait for it: ${news.problem}`;
      tell(turn, 'CLUSTER', { type: 'HOOK_FAILING', cause: 'NOT_DELIVERED', message, details: { hook } });
      return;
    }
    case 'TAKES': {
      const seconds = Math.round((turn.now.wall - (failing?.sinceWall ?? turn.now.wall)) / 1000);
      const message = `hook ${hook} takes events again, after ${seconds} s`;
      tell(turn, 'CLUSTER', { type: 'HOOK_DELIVERS', cause: 'DELIVERED', message, details: { hook } });
      return;
    }
    case 'DROPPED': {
      const message = `hook ${hook} may lack events up to events/${news.upTo}: they were dropped to make room before it was told`;
      const details = { hook, event: String(news.upTo) };
      tell(turn, 'CLUSTER', { type: 'HOOK_EVENTS_LOST', cause: 'DROPPED', message, details });
      return;
    }
    case 'TURNED_AWAY': {
      const message = `hook ${hook} is not told of events/${news.event}, it will not have it: ${news.problem}`;
      const details = { hook, event: String(news.event) };
      tell(turn, 'CLUSTER', { type: 'HOOK_EVENTS_LOST', cause: 'TURNED_AWAY', message, details });
    }
  }
}

function tooMany(): LocumError {
  const message = `it is remembered of ${HOOKS_KEPT} hooks how far they are: forget those that are not used any more`;
  return new LocumError('TOO_MANY_REQUESTS', message);
}
