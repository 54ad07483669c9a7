/** Time that goes on across changes of leader. */
import type { Now } from '../../../shared/time.ts';
import type { ClusterState } from './cluster.ts';

type AgedState = Pick<ClusterState, 'electedAge' | 'electedMono'>;

/** The time that an age stands for, for people: what has been waited for since is what the clock of now says. */
export const wallAtAge = (state: AgedState, now: Now, age: number): number => now.wall + age - ageOf(state, now);

/**
 * The age of the cluster: how long leaders have counted, each by its own monotonic clock. Each commit writes it down, and the next
 * leader counts on from there. So a wait that is kept as an age takes, after a change of leader, what was left of it at the last
 * commit: never more than the whole, and whatever the wall clocks of the two say.
 */
export const ageOf = (state: AgedState, { mono }: Now): number =>
  state.electedAge + Math.floor(Math.max(0, mono - state.electedMono));
