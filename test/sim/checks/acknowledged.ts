/** I10: what was acknowledged is in the store, once; and every change has its line in the event log, with a cause and an actor. */
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import type { Cause } from '../../../controller/core/records/event-cause.ts';
import type { ActorKind } from '../../../controller/core/records/event-row.ts';
import { EVENT_TYPES } from '../../../controller/core/records/event-type.ts';
import { UNKNOWN_WORD } from '../../../controller/core/records/run-reason.ts';
import type { EventRecord } from '../../../controller/core/records/state.ts';
import { firstOfIncarnation, incarnationOf } from '../../../shared/ids.ts';
import { type Intentions, REGISTER } from '../intentions.ts';
import type { World } from '../world.ts';

/** Complaints about the state of the last leader. `since`: acknowledged before that may be lost, for an older state was restored. */
export function checkAcknowledged(world: World, intentions: Intentions, state: ClusterState): readonly string[] {
  return [...checkRegister(intentions, state), ...checkStarts(world, state), ...checkEvents([...state.events])];
}

function checkRegister({ register }: Intentions, state: ClusterState): readonly string[] {
  const value = Number(state.policies.get(REGISTER)?.spec.labels['n'] ?? 0);
  if (value < register.acknowledged) return [`the register says ${value}; ${register.acknowledged} was acknowledged`];
  if (value > register.asked) return [`the register says ${value}; nobody asked for more than ${register.asked}`];
  return [];
}

/** Starts by operators: each answer of a request names the same run, which was created once. */
function checkStarts(world: World, state: ClusterState): readonly string[] {
  const { operators } = world;
  const found: string[] = [];
  const events = [...state.events];
  const created = new Set(events.filter(({ type }) => type === 'RUN_CREATED').map(({ run }) => run));
  const oldest = events[0]?.number ?? 1;
  for (const [id, values] of operators.answers) {
    const runs = new Set(values.flatMap((value) => (value.kind === 'run' ? [value.run.id] : [])));
    if (runs.size > 1) found.push(`request ${id} was answered with ${[...runs].join(' and ')}`);
    const request = operators.made.find((made) => made.id === id)?.request;
    if (request?.kind !== 'start_policy' || oldest > 1 || world.restoredAt !== undefined) continue;
    for (const run of runs) if (!created.has(run)) found.push(`${run} was acknowledged (${id}) and never created`);
  }
  const asked = operators.made.filter(({ request }) => request.kind === 'start_policy').length;
  const made = events.filter(({ type, cause }) => type === 'RUN_CREATED' && cause === 'OPERATOR').length;
  if (made > asked) found.push(`${made} runs were created by ${asked} requests`);
  return found;
}

/** The first event after a restore: numbers of a later life are above all of an earlier one. */
const beginsIncarnation = (number: number, last: number): boolean =>
  incarnationOf(number) > incarnationOf(last) && number === firstOfIncarnation(incarnationOf(number)) + 1;

/** What the page for people promises. */
function isInTable({ type, cause, actor }: Pick<EventRecord, 'type' | 'cause' | 'actor'>): boolean {
  if (type === UNKNOWN_WORD) return false;
  const { causes, actors }: { causes: readonly Cause[]; actors: readonly ActorKind[] } = EVENT_TYPES[type];
  const by = actor.split(':')[0];
  return causes.some((one) => one === cause) && actors.some((one) => one === by);
}

function checkEvents(events: readonly EventRecord[]): readonly string[] {
  const found: string[] = [];
  let last: number | undefined;
  for (const { number, type, cause, actor } of events) {
    if (last !== undefined && number !== last + 1 && !beginsIncarnation(number, last))
      found.push(`event ${number} follows event ${last}`);
    if (!isInTable({ type, cause, actor }))
      found.push(`docs/events.md has no ${type} (${cause}, ${actor}), event ${number}`);
    last = number;
  }
  return found;
}
