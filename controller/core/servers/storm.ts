/**
 * The mass-failure brake (semantics 12): when half a pool falls silent at once, the fault is more likely between the
 * servers and us than in each of them. Takeovers by the wait alone are held back, for a while; nothing else is.
 */
import { MINUTE } from '../../../shared/time.ts';
import { change, tell } from '../cluster/change.ts';
import { poolLiveOf, serverLiveOf } from '../cluster/cluster.ts';
import type { Storm } from '../cluster/live.ts';
import type { Turn, View } from '../cluster/turn.ts';
import type { CauseOf } from '../records/event-type.ts';
import type { Pool, Server } from '../records/state.ts';
import { witnessesIn } from './newcomers.ts';

const WINDOW_MS = MINUTE;
const SERVERS_MIN = 3;
const SHARE = 0.5;
const CALM_MS = MINUTE;
const NOT_AGAIN_MS = 15 * MINUTE;

/** Whether a server counts at all: in a pool with old ones, new names do not. */
type Witnesses = ReturnType<typeof witnessesIn>;

/** A server turned SUSPECT: is it one of many? */
export function noteSuspect(turn: Turn, server: Server): void {
  const { state, now } = turn;
  const pool = state.pools.get(server.pool);
  if (pool === undefined || server.intent !== 'ACTIVE') return;
  const isWitness = witnessesIn(turn, pool);
  if (!isWitness(server)) return;
  const { storm } = poolLiveOf(state, server.pool);
  storm.suspects = storm.suspects.filter((one) => one.mono > now.mono - WINDOW_MS && one.server !== server.id);
  storm.suspects.push({ server: server.id, mono: now.mono });
  if (storm.activeSinceMono !== undefined || turn.age < pool.stormNotBeforeAge) return;
  const silent = storm.suspects.length;
  // Cheap first: the servers of a large pool are not counted for each one that falls silent.
  if (silent < SERVERS_MIN || silent < SHARE * activeServers(turn, pool, silent, isWitness)) return;
  const counted = countBefore(turn, pool, isWitness);
  if (silent < SHARE * counted) return;
  storm.activeSinceMono = now.mono;
  storm.belowSinceMono = undefined;
  tell(turn, pool, {
    type: 'STORM_BEGAN',
    cause: 'MASS_FAILURE',
    message: `${silent} of ${counted} servers of ${pool.id} fell silent within a minute: takeovers from silent servers are held back for up to 5 minutes; if they really are dead, now: locum proceed ${pool.id}`,
  });
  wakePool(turn, pool);
}

/** Looks whether the storm is over. */
export function judgeStorm(turn: Turn, pool: Pool): void {
  const { now } = turn;
  const { storm } = poolLiveOf(turn.state, pool.id);
  if (storm.activeSinceMono === undefined) return;
  const isWitness = witnessesIn(turn, pool);
  const silent = pool.order.filter((id) => {
    const server = turn.state.servers.get(id);
    if (server?.intent !== 'ACTIVE' || !isWitness(server)) return false;
    return server.liveness === 'SUSPECT' || server.liveness === 'MISSING';
  }).length;
  if (silent >= SHARE * countBefore(turn, pool, isWitness)) {
    storm.belowSinceMono = undefined;
    return;
  }
  storm.belowSinceMono ??= now.mono;
  const calmAtMono = storm.belowSinceMono + CALM_MS;
  if (now.mono >= calmAtMono) endStorm(turn, pool, 'CALM');
  else turn.wakePoolAt(pool.id, calmAtMono);
}

export function endStorm(turn: Turn, pool: Pool, cause: CauseOf<'STORM_ENDED'>): void {
  const { storm } = poolLiveOf(turn.state, pool.id);
  if (storm.activeSinceMono === undefined) return;
  quiet(storm);
  const news = { type: 'STORM_ENDED', cause, message: `takeovers of ${pool.id} go on` } as const;
  change(turn, pool, { stormNotBeforeAge: turn.age + NOT_AGAIN_MS }, news);
  wakePool(turn, pool);
}

function quiet(storm: Storm): void {
  storm.activeSinceMono = undefined;
  storm.belowSinceMono = undefined;
  storm.suspects = [];
}

/** At most as many as are sure to be counted: ALIVE and ACTIVE for a minute, looked at only until there are too many for a storm. */
function activeServers(turn: View, pool: Pool, silent: number, isWitness: Witnesses): number {
  const { state, now } = turn;
  let count = 0;
  for (const id of pool.order) {
    const server = state.servers.get(id);
    if (server?.intent !== 'ACTIVE' || server.liveness !== 'ALIVE' || !isWitness(server)) continue;
    if (serverLiveOf(state, id).aliveSinceMono <= now.mono - WINDOW_MS) count += 1;
    if (silent < SHARE * count) break;
  }
  return count;
}

/** ACTIVE servers that were ALIVE a minute ago: those that are, and those that turned silent since. */
function countBefore(turn: View, pool: Pool, isWitness: Witnesses): number {
  const { state, now } = turn;
  const silent = new Set(poolLiveOf(state, pool.id).storm.suspects.map((one) => one.server));
  return pool.order.filter((id) => {
    const server = state.servers.get(id);
    if (server?.intent !== 'ACTIVE' || !isWitness(server)) return false;
    const longAlive = server.liveness === 'ALIVE' && serverLiveOf(state, id).aliveSinceMono <= now.mono - WINDOW_MS;
    const atElection = server.liveness === 'ALIVE' && state.electedMono > now.mono - WINDOW_MS;
    return silent.has(id) || longAlive || atElection;
  }).length;
}

/** The storm itself is no record: what hangs on it is said by name. */
function wakePool(turn: Turn, pool: Pool): void {
  for (const id of pool.order) turn.lookAtRunsOn(id);
  turn.lookAtPool(pool.id);
  turn.journal.touch(`pools/${pool.id}`);
}
