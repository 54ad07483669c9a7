/** What is told of a decision, in sentences: why a server was chosen, and why none could be. */
import type { ServerId } from '../../../shared/ids.ts';
import type { Policy, Run } from '../records/state.ts';
import type { Choice, Servers } from './choose.ts';
import { decide } from './choose.ts';
import { type Ask, isLasting, type Obstacle, obstacleAt, obstacleText } from './obstacle.ts';
import { happened } from './setback-text.ts';

/** So many sentences say why there is no server, and so many servers are named with each. */
const SENTENCES_MAX = 3;
/** So many servers are looked at for an answer that nobody has asked for by itself: one of many, made again at each look. */
export const GLANCE_MAX = 20;

/** `number 2 in the order; web-1 is MISSING`. `run`: undefined for one that does not exist yet. */
export function whyChosen(choice: Choice, policy: Policy, run: Run | undefined, age: number): string {
  const { server, despite } = choice;
  const why = whyThisOne(choice, policy, run, age);
  if (despite === undefined) return why;
  const others = despite.reason === 'SKIPPED' ? 'has room for it' : 'may take it';
  return `${why}; though ${server} ${obstacleText(despite, age)}, no other one ${others}`;
}

function whyThisOne({ why, rank, passedOver }: Choice, { spec }: Policy, run: Run | undefined, age: number): string {
  if (why === 'RESERVED') return `a slot was reserved there (${run?.reservation?.cause ?? 'MOVE'})`;
  if (why === 'WAS_THERE') {
    const before = run === undefined ? undefined : happened(run.state.reason, 'there');
    return before === undefined ? 'it was there before' : `it was there before: ${before}`;
  }
  const whose = spec.servers.length > 0 ? "the policy's list" : 'the order';
  if (rank === 1) return `first in ${whose}`;
  const told = passedOver.map(({ server, obstacle }) => `${server} ${obstacleText(obstacle, age)}`);
  const more = rank - 1 - told.length;
  return `number ${rank} in ${whose}; ${[...told, ...(more > 0 ? [`${more} more can't`] : [])].join(', ')}`;
}

export interface Nowhere {
  /** NO_ROOM: a server may take it once what is told is over. UNSATISFIABLE: none ever will as things are. */
  readonly reason: 'NO_ROOM' | 'UNSATISFIABLE';
  readonly message: string;
}

export interface NowhereOptions {
  /** For how long things last is told. Undefined: it is left out, where the sentence is kept. */
  readonly age?: number;
  /** So many servers of the list are looked at. Default: all, and the answer costs as much as there are. */
  readonly atMost?: number;
}

/** Why a run goes nowhere now. */
export function whyNowhere(servers: Servers, ask: Ask, { age, atMost }: NowhereOptions = {}): Nowhere {
  const { isLastResort } = decide(servers, ask.query);
  const lasting = new Told(age);
  const passing = new Told(age);
  let free: ServerId | undefined;
  let looked = 0;
  for (const id of ask.list.named()) {
    if (id === ask.from) continue;
    if (looked === atMost)
      return noRoom(ask, `${(passing.count > 0 ? passing : lasting).text}; and so on down the list`);
    looked += 1;
    const obstacle = obstacleAt(ask, id, servers.viewOf(id), isLastResort);
    if (obstacle !== undefined) (isLasting(obstacle) ? lasting : passing).add(id, obstacle);
    else free ??= id;
  }
  if (passing.count > 0) return noRoom(ask, passing.text);
  // What made room was decided after the run was looked at: the next look finds it.
  if (free !== undefined) return noRoom(ask, `${free} has room only since a moment ago`);
  const isMove = ask.from !== undefined;
  const why = lasting.count > 0 ? lasting.text : isMove ? 'it may use this one only' : 'the pool has none';
  return {
    reason: 'UNSATISFIABLE',
    message: `no ${isMove ? 'other' : 'registered'} server could ever take it: ${why}`,
  };
}

const noRoom = ({ from }: Ask, why: string): Nowhere => ({
  reason: 'NO_ROOM',
  message: `no ${from === undefined ? '' : 'other '}server can take it now: ${why}`,
});

/** Why no server could ever take a run of the policy, whoever is there and has room now. Undefined: one could. */
export function whyNever(servers: Servers, ask: Ask): string | undefined {
  // One that could take it now is the short answer; the long one costs as much as there are servers.
  if (servers.index.choose(ask.query) !== undefined) return undefined;
  for (const id of ask.list.named()) {
    const obstacle = obstacleAt(ask, id, servers.viewOf(id));
    if (obstacle === undefined || !isLasting(obstacle)) return undefined;
  }
  return whyNowhere(servers, ask).message;
}

/** The first few sentences, each with the servers that it is true of, and how many more there are of which kind. */
class Told {
  readonly #age: number | undefined;
  readonly #sentences = new Map<string, { readonly named: ServerId[]; count: number }>();
  readonly #others = new Map<Obstacle['reason'], number>();
  count = 0;

  constructor(age: number | undefined) {
    this.#age = age;
  }

  add(server: ServerId, obstacle: Obstacle): void {
    this.count += 1;
    const text = obstacleText(obstacle, this.#age);
    const known = this.#sentences.get(text);
    if (known !== undefined) {
      known.count += 1;
      if (known.named.length < SENTENCES_MAX) known.named.push(server);
    } else if (this.#sentences.size < SENTENCES_MAX) this.#sentences.set(text, { named: [server], count: 1 });
    else this.#others.set(obstacle.reason, (this.#others.get(obstacle.reason) ?? 0) + 1);
  }

  get text(): string {
    const told = [...this.#sentences].map(([text, { named, count }]) => {
      if (count === 1) return `${named.join('')} ${text}`;
      const more = count - named.length;
      return `each of ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''} ${text}`;
    });
    const kinds = [...this.#others].map(([reason, count]) => `${count} ${reason}`);
    const others = [...this.#others.values()].reduce((sum, count) => sum + count, 0);
    return `${told.join(', ')}${others > 0 ? ` and ${others} more (${kinds.join(', ')})` : ''}`;
  }
}
