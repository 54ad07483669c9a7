/**
 * An agent that has seen more than the store knows (semantics C9): either the store is an older copy, or the agent lies. Whom the store
 * knows, at the place that it knows, is believed until an operator has looked, and so is whoever has a certificate of the cluster, until
 * that is revoked. Anybody else may be a stranger, and may as well be a server that registered after the copy was made. So a stranger's word holds starts back for as long as the leases of a lost history could still
 * live, which counts from the election: a leader's own history can't be lost under it. Nobody stops all starts for longer with one Hello.
 */
import { LocumError } from '../../../shared/errors.ts';
import type { ServerId } from '../../../shared/ids.ts';
import { MINUTE } from '../../../shared/time.ts';
import { tell } from '../cluster/change.ts';
import type { ClusterState } from '../cluster/cluster.ts';
import type { WholeHello } from '../cluster/event.ts';
import type { Turn } from '../cluster/turn.ts';

/** Told of strangers that often, at most. */
const TELL_EACH_MS = MINUTE;

/** The agent has seen a later term or epoch: we are deposed, or the store is an older copy. Undefined: it has not. */
export function refuseBehind(turn: Turn, facts: WholeHello): LocumError | undefined {
  const { state, barrier } = turn;
  const { server, highestTerm, highestEpoch } = facts;
  if (highestTerm <= state.term && highestEpoch <= state.meta.lastEpoch) return undefined;
  const seen = `${server} has seen term ${highestTerm} and epoch ${highestEpoch}, the store knows ${state.term} and ${state.meta.lastEpoch}`;
  const isEstablished = facts.certifiedWall !== undefined || isKnownPlace(state, facts);
  const message = `${seen}${isEstablished ? whatToDo(facts) : `, and does not know this ${server}: it is an older copy, or somebody pretends to be ${server}. ${IF_SET_BACK}`}`;
  if (isEstablished) state.storeBehindBy.set(server, message);
  // A stranger that comes after it does not weaken what an established server said.
  if (isEstablished || turn.behind?.isEstablished !== true)
    turn.behind = { needCheck: barrier.needCheck(), message, isEstablished };
  return new LocumError('STORE_BEHIND', message, { resource: `servers/${server}`, retryAfterMs: 5_000 });
}

const RESTORE = 'save a snapshot, stop the controllers, restore it (locum snapshot)';
const IF_SET_BACK = `If the store was set back: ${RESTORE}`;

/** Whoever has stolen a certificate can say anything, so it must not read as if nothing but a restore helped. */
const whatToDo = ({ server, certifiedWall }: WholeHello): string =>
  certifiedWall === undefined
    ? `: it is an older copy. Nothing starts until the store begins a new incarnation: ${RESTORE}`
    : `: it is an older copy, or ${server} lies, and nothing starts until you have looked. ${IF_SET_BACK}. If not, ${server} is in the wrong hands: locum server revoke ${server}`;

/** The ids are shown to nobody, so whoever says them is the server, or has read its disk. */
function isKnownPlace({ servers }: ClusterState, { server, instanceId, machineId }: WholeHello): boolean {
  const known = servers.get(server);
  return known !== undefined && known.instanceId === instanceId && known.machineId === machineId;
}

/** Our term is still the current one, so the claim stands: the store is an older copy, or is doubted (C9). */
export function believeBehind(turn: Turn): void {
  const { state, behind } = turn;
  if (behind === undefined || !turn.barrier.isChecked(behind.needCheck) || state.storeBehind !== undefined) return;
  if (behind.isEstablished) {
    state.storeBehind = behind.message;
    tell(turn, 'CLUSTER', { type: 'STORE_BEHIND', cause: 'HELLO', message: behind.message });
    return;
  }
  turn.behind = undefined;
  doubt(turn, behind.message);
}

/**
 * An operator says that this server is in the wrong hands: what it said counts as the word of a stranger, unless others say it, too. Else one
 * stolen certificate would stop all starts for as long as this leader leads, whatever is revoked. What ran there by a lost history has ended
 * when the doubt is over.
 */
export function disbelieve(turn: Turn, server: ServerId): void {
  const { state } = turn;
  const message = state.storeBehindBy.get(server);
  if (message === undefined) return;
  state.storeBehindBy.delete(server);
  const [other] = state.storeBehindBy.values();
  if (turn.behind?.isEstablished === true)
    turn.behind = other === undefined ? undefined : { ...turn.behind, message: other };
  if (state.storeBehind !== undefined) state.storeBehind = other;
  if (other !== undefined) return;
  startDoubt(state, message);
  for (const pool of state.pools.keys()) turn.lookAtPool(pool);
}

function startDoubt(state: ClusterState, message: string): void {
  state.storeDoubt ??= { message, untilMono: state.electedMono + state.lostLeasesMs };
}

function doubt(turn: Turn, message: string): void {
  const { state, now } = turn;
  startDoubt(state, message);
  if (now.mono < turn.doubtToldMono + TELL_EACH_MS) return;
  turn.doubtToldMono = now.mono;
  tell(turn, 'CLUSTER', { type: 'STORE_DOUBTED', cause: 'HELLO', message });
}
