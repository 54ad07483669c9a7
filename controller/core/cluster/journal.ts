/**
 * The journal of a step: which records changed, and which lines the event log gains. At the flush it becomes one batch of writes,
 * which a store takes whole or not at all.
 */
import type { AuditEntry, AuditFacts, AuditLogName } from '../../../shared/access/audit-chain.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { cut } from '../../../shared/printable.ts';
import type { Now } from '../../../shared/time.ts';
import { ownerOf } from '../indexes/event-log.ts';
import type { CauseOf, EventType } from '../records/event-type.ts';
import { auditKey, eventKey, recordKey } from '../records/keys.ts';
import { roughBytesOf } from '../records/record-size.ts';
import type { EventRecord, StateRecord } from '../records/state.ts';
import { ageOf } from './age.ts';
import type { ClusterState } from './cluster.ts';
import type { Changed, RecordWrite } from './effect.ts';

/** A line as it is told; the journal adds number, time, actor and term. */
export interface NewEvent<T extends EventType = EventType>
  extends Omit<EventRecord, 'kind' | 'number' | 'wall' | 'actor' | 'term' | 'type' | 'cause'> {
  readonly type: T;
  readonly cause: CauseOf<T>;
}

/** Records that nobody watches. */
const UNSEEN: ReadonlySet<StateRecord['kind']> = new Set([
  'meta',
  'request',
  'audit_head',
  'role',
  'token',
  'user',
  'join_token',
  'revocation',
  'authority',
  'hook',
]);

export class Journal {
  readonly #state: ClusterState;
  #writes = new Map<string, RecordWrite>();
  /** Of what is put, by key: as large as it was when it changed last. */
  #bytesOf = new Map<string, number>();
  #bytes = 0;
  #written = 0;
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
    this.#write({ kind: 'put', key, record });
    if (!UNSEEN.has(record.kind)) this.touch(key);
  }

  /** Says that a record is gone. */
  delete(key: string): void {
    this.#write({ kind: 'delete', key });
    this.#changed.set(key, { key, deleted: true });
  }

  /** Says that what a resource shows changed although its record did not. */
  touch(key: string): void {
    this.#changed.set(key, { key, deleted: false });
  }

  /** Adds a line to the event log. */
  event<T extends EventType>(event: NewEvent<T>): void {
    const { meta, term } = this.#state;
    meta.lastEvent += 1;
    const record: EventRecord = {
      kind: 'event',
      number: meta.lastEvent,
      wall: this.now.wall,
      actor: this.actor,
      term,
      ...event,
      message: cut(event.message, LIMITS.eventCharacters),
    };
    this.put(record);
    this.keepEvent(record);
  }

  /** Puts an event into the log that is in the store, or will be; what has to go for it goes from both. */
  keepEvent(event: EventRecord): void {
    const { events, policies, meta } = this.#state;
    const ownLimit = event.policy === undefined ? undefined : policies.get(event.policy)?.spec.retention.events;
    for (const { number } of events.add(ownerOf(event, this.#state), event, ownLimit)) {
      this.#write({ kind: 'delete', key: eventKey(number) });
    }
    meta.droppedEvent = events.dropped;
  }

  /** Adds an entry to a log of the audit, and moves its chain on; what has to go for it goes from the store too. */
  audit(log: AuditLogName, facts: AuditFacts): void {
    const { entry, dropped } = this.#state.audit[log].add(facts, this.#state);
    this.put({ kind: 'audit', entry });
    this.auditDropped(log, dropped);
  }

  /** Entries that have no room any more go from the store, and the chain says so. */
  auditDropped(log: AuditLogName, dropped: readonly AuditEntry[]): void {
    for (const { number } of dropped) this.#write({ kind: 'delete', key: auditKey(log, number) });
    this.put(this.#state.audit[log].headRecord);
  }

  /** Has the age of the cluster written down, which each commit does by itself. */
  noteAge(): void {
    this.#write({ kind: 'put', key: 'meta', record: this.#state.meta });
  }

  /** Writes so far, ever: who compares two of them knows whether anything was written in between. */
  get written(): number {
    return this.#written;
  }

  get hasWrites(): boolean {
    return this.#writes.size > 0;
  }

  /** Records that wait for a commit. */
  get size(): number {
    return this.#writes.size;
  }

  /** About how many bytes they are. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /** Takes the writes, one for each record, and with them the counters. */
  takeWrites(): readonly RecordWrite[] {
    this.#state.meta.age = ageOf(this.#state, this.now);
    this.#write({ kind: 'put', key: 'meta', record: this.#state.meta });
    const writes = [...this.#writes.values()];
    this.#writes = new Map();
    this.#bytesOf = new Map();
    this.#bytes = 0;
    return writes;
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

  #write(write: RecordWrite): void {
    const bytes = write.key.length + (write.kind === 'put' ? roughBytesOf(write.record) : 0);
    this.#bytes += bytes - (this.#bytesOf.get(write.key) ?? 0);
    this.#bytesOf.set(write.key, bytes);
    this.#written += 1;
    this.#writes.set(write.key, write);
  }
}
