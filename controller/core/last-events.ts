/** Since when something is so is often told by the newest event that says so, and by nothing else. */
import type { ClusterState } from './cluster/cluster.ts';
import type { KnownEvent } from './records/event-type.ts';
import type { EventRecord } from './records/state.ts';

/** The event log is read once, and only if asked. */
export class LastEvents {
  readonly #state: ClusterState;
  #walls: ReadonlyMap<string, number> | undefined;

  constructor(state: ClusterState) {
    this.#state = state;
  }

  /** Wall time of the newest event of this type about a resource. Undefined: it is not kept any more. */
  of(type: KnownEvent, resource: string): number | undefined {
    this.#walls ??= new Map([...this.#state.events].map((event) => [`${event.type} ${subjectOf(event)}`, event.wall]));
    return this.#walls.get(`${type} ${resource}`);
  }
}

function subjectOf({ run, policy, server, pool }: EventRecord): string {
  return run ?? policy ?? server ?? pool ?? '';
}
