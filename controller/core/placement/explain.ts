/** For every server, why a run would or would not be placed there now: what `choose` decides, and the table of obstacles for the others. */
import type { ServerId } from '../../../shared/ids.ts';
import { type Choice, choose, decide, type Servers } from './choose.ts';
import { type Ask, type ObstacleReason, obstacleAt, obstacleText } from './obstacle.ts';
import { freeSlotsOf, type ServerView, usedText } from './server-view.ts';

/** One stable word for what holds a server back, or that nothing does. */
export type VerdictReason = 'CHOSEN' | 'HELD' | 'AVAILABLE' | ObstacleReason;

/** Why one server would or would not get the run. */
export interface ServerVerdict {
  readonly server: ServerId;
  /** Place in the effective list, from 1; 0: not in it. */
  readonly rank: number;
  /** It could take the run now, if nothing else held the run back. */
  readonly eligible: boolean;
  readonly reason: VerdictReason;
  /** The reason in words, with its figures, and what would change it. */
  readonly detail: string;
}

export interface Explanation {
  /** What `choose` answers to the same question; undefined as well while a hold stands (`withheld`). */
  readonly chosen?: ServerId;
  /** Every server of the policy's list and of its pool, in the order in which they are tried; those that are not listed come last. */
  readonly verdicts: readonly ServerVerdict[];
}

/** `why`: the sentence for the one that is chosen. */
export function explain(servers: Servers, ask: Ask, why: (choice: Choice) => string): Explanation {
  const choice = choose(servers, ask);
  const { isLastResort } = decide(servers, ask.query);
  const verdictOf = ([server, rank]: readonly [ServerId, number]): ServerVerdict => {
    const view = servers.viewOf(server);
    if (choice?.server === server) {
      return { server, rank, eligible: true, reason: 'CHOSEN', detail: `${room(view)}; ${why(choice)}` };
    }
    const obstacle = obstacleAt(ask, server, view, isLastResort);
    if (obstacle === undefined) return { server, rank, eligible: true, reason: 'AVAILABLE', detail: room(view) };
    const detail = `${obstacleText(obstacle, ask.age)}; ${obstacle.change}`;
    return { server, rank, eligible: false, reason: obstacle.reason, detail };
  };
  const verdicts = triedInTurn(servers, ask).map(verdictOf);
  return choice === undefined ? { verdicts } : { chosen: choice.server, verdicts };
}

/** The same while the run waits for something other than a server: none is chosen, and the one that would be is HELD. */
export function withheld({ verdicts }: Explanation): Explanation {
  return {
    verdicts: verdicts.map((verdict) => (verdict.reason === 'CHOSEN' ? { ...verdict, reason: 'HELD' } : verdict)),
  };
}

/** Each with its rank: where the run comes back first, then the effective list, then what the policy does not name. */
function triedInTurn({ index }: Servers, { list, query }: Ask): readonly (readonly [ServerId, number])[] {
  const ranks = new Map([...list.named()].map((server, position) => [server, position + 1]));
  const rest = index.order.filter((server) => !ranks.has(server)).map((server) => [server, 0] as const);
  const first = query.first === undefined ? undefined : ranks.get(query.first);
  if (query.first === undefined || first === undefined) return [...ranks, ...rest];
  return [...new Map([[query.first, first], ...ranks]), ...rest];
}

function room(view: ServerView | undefined): string {
  return view === undefined ? '' : `${usedText(view)}, ${Math.max(0, freeSlotsOf(view))} free`;
}
