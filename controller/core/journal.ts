/**
 * The journal of a step: which records changed, which lines the event log gains, and what belongs together. At the
 * flush it becomes one batch of writes, grouped into decisions that a store never splits.
 */
import type { Epoch, PolicyId, PoolId, RunId, ServerId } from '../../shared/ids.ts';
import type { Now } from '../../shared/time.ts';
import type { ClusterState } from './cluster.ts';
import type { Changed, RecordWrite } from './effect.ts';
import { eventKey, recordKey } from './keys.ts';
import type { EventRecord, StateRecord } from './state.ts';

/** The newest events that are kept. */
export const EVENTS_KEPT = 10_000;

export interface NewEvent {
  readonly type: string;
  readonly cause: string;
  readonly message: string;
  readonly pool?: PoolId;
  readonly server?: ServerId;
  readonly policy?: PolicyId;
  readonly run?: RunId;
  readonly epoch?: Epoch;
  readonly details?: Readonly<Record<string, string>>;
}

export interface JournalBatch {
  readonly writes: readonly RecordWrite[];
  readonly decisions: readonly number[];
}

export class Journal {
  readonly #state: ClusterState;
  #writes = new Map<string, RecordWrite>();
  /** Key of a write → key that leads its group; absent: itself. */
  #leader = new Map<string, string>();
  #changed = new Map<string, Changed>();
  /** Who causes what happens now; set by the core for each event. */
  actor = 'controller';
  now: Now = { mono: 0, wall: 0 };

  constructor(state: ClusterState) {
    this.#state = state;
  }

  /** Says that a record changed (or is new): it is written with the next commit and its watchers look again. */
  put(record: StateRecord): void {
    const key = recordKey(record);
    if ('version' in record) {
      record.version += 1;
      record.updateWall = this.now.wall;
    }
    this.#writes.set(key, { kind: 'put', key, record });
    if (record.kind !== 'meta' && record.kind !== 'request') this.touch(key);
  }

  /** Says that a record is gone. */
  delete(key: string): void {
    this.#writes.set(key, { kind: 'delete', key });
    this.#changed.set(key, { key, deleted: true });
  }

  /** Says that what a resource shows changed although its record did not. */
  touch(key: string): void {
    this.#changed.set(key, { key, deleted: false });
  }

  /** Keeps the writes of two records in one decision. */
  together(key: string, other: string): void {
    this.#leader.set(this.#root(other), this.#root(key));
  }

  /** Adds a line to the event log, in the decision of what it tells of. */
  event(event: NewEvent): void {
    const { meta, events, term } = this.#state;
    meta.lastEvent += 1;
    const record: EventRecord = {
      kind: 'event',
      number: meta.lastEvent,
      wall: this.now.wall,
      actor: this.actor,
      term,
      ...event,
    };
    events.push(record);
    this.put(record);
    const about = aboutKey(event);
    if (about !== undefined) this.together(about, recordKey(record));
    if (events.length > EVENTS_KEPT) {
      const oldest = events.shift();
      if (oldest !== undefined)
        this.#writes.set(eventKey(oldest.number), { kind: 'delete', key: eventKey(oldest.number) });
    }
  }

  get hasWrites(): boolean {
    return this.#writes.size > 0;
  }

  /**
   * Takes the writes as one batch. The counters come first: after a crash between two parts they are ahead, which only
   * skips numbers.
   */
  takeWrites(): JournalBatch {
    this.#writes.delete('meta');
    const writes: RecordWrite[] = [{ kind: 'put', key: 'meta', record: this.#state.meta }];
    const decisions = [0];
    const groups = new Map<string, RecordWrite[]>();
    for (const [key, write] of this.#writes) {
      const root = this.#root(key);
      const group = groups.get(root);
      if (group === undefined) groups.set(root, [write]);
      else group.push(write);
    }
    for (const group of groups.values()) {
      decisions.push(writes.length);
      writes.push(...group);
    }
    this.#writes = new Map();
    this.#leader = new Map();
    return { writes, decisions };
  }

  /** Takes what watchers should look at again. */
  takeChanged(): readonly Changed[] {
    const changes = [...this.#changed.values()];
    this.#changed = new Map();
    return changes;
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  #root(key: string): string {
    let root = key;
    for (let next = this.#leader.get(root); next !== undefined && next !== root; next = this.#leader.get(root))
      root = next;
    return root;
  }
}

function aboutKey(event: NewEvent): string | undefined {
  if (event.run !== undefined) return `runs/${event.run}`;
  if (event.policy !== undefined) return `policies/${event.policy}`;
  if (event.server !== undefined) return `servers/${event.server}`;
  if (event.pool !== undefined) return `pools/${event.pool}`;
  return undefined;
}
