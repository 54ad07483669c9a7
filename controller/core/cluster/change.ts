/**
 * The door: the only place that changes pools, servers, policies, runs and their attempts. A transition says what is new and which line
 * the event log gains; the rest follows by itself: watchers look again, what is kept ready from the record is brought up to date, and what
 * depends on the changed fields is looked at again. Whether the record is written with the next commit, and with a new etag, is a matter
 * of the field (`Keeping`; the table in dependants.ts).
 *
 * The event log's lines and the counters of the cluster (`meta`) are the journal's: it numbers and writes them with what they belong to.
 *
 * Records are changed in place: whoever holds one sees its new state. The effects of a step are encoded before the next one
 * (effect.ts), so nothing that is under way shows through.
 */
import type { AuditFacts, AuditLogName } from '../../../shared/access/audit-chain.ts';
import { assert } from '../../../shared/assert.ts';
import { deepEqual } from '../../../shared/deep-equal.ts';
import type { Epoch, ServerId } from '../../../shared/ids.ts';
import type { AccessRecord } from '../records/access-record.ts';
import type { AttemptState } from '../records/attempt-state.ts';
import type { AuthorityRecord } from '../records/authority.ts';
import type { EventType } from '../records/event-type.ts';
import type { HookRecord } from '../records/hook-record.ts';
import { type JoinToken, joinTokenName } from '../records/join-token.ts';
import { hookKey, recordKey } from '../records/keys.ts';
import type { Revocation } from '../records/revocation.ts';
import type { Attempt, RequestRecord, Run } from '../records/state.ts';
import {
  type AttemptField,
  type Changing,
  DEPENDANTS,
  type Keeping,
  keptInState,
  lookForAttempt,
  lookForPolicy,
  lookForPool,
  lookForRun,
  lookForServer,
  NEWCOMERS,
  type PolicyField,
  type PoolField,
  type Row,
  type RunField,
  type ServerField,
  serversOf,
} from './dependants.ts';
import type { NewEvent } from './journal.ts';
import { enter, leave, linkAll, linkAttempt, linkField } from './links.ts';
import type { Turn } from './turn.ts';

/** A line of the event log about a record. Which one it is about, the door adds. */
export interface News<T extends EventType = EventType>
  extends Pick<NewEvent<T>, 'type' | 'cause' | 'message' | 'details'> {
  /** Where, if the record does not say it. */
  readonly server?: ServerId;
  readonly epoch?: Epoch;
}

/** The event log does not tell of the change. Whoever uses it says in a comment why not. */
export const SILENT = Symbol('silent');
export type Telling<T extends EventType = EventType> = News<T> | typeof SILENT;

interface FieldsOf {
  readonly pool: PoolField;
  readonly server: ServerField;
  readonly policy: PolicyField;
  readonly run: RunField;
}

/** New values of fields; absent ones stay. */
export type Patch<R extends Changing> = { readonly [F in FieldsOf[R['kind']] & keyof R]?: R[F] };
export type RunPatch = Patch<Run>;
export type AttemptPatch = { readonly [F in AttemptField]?: Attempt[F] };

/** Changes a record. False: it said all that already, so nothing was written and nothing is told. */
export function change<R extends Changing, T extends EventType>(
  turn: Turn,
  record: R,
  patch: Patch<R>,
  telling: Telling<T>,
): boolean {
  const fields = differing(record, patch);
  if (fields.length === 0) return false;
  const before = asItIs(record);
  write(record, fields, patch);
  keep(turn, record, keptAs(DEPENDANTS[record.kind], fields, keptNow(record)));
  for (const field of fields) linkField(turn, record, field, before.reservation);
  lookAgain(turn, record, fields, before);
  if (telling !== SILENT) tell(turn, record, telling);
  return true;
}

/** Changes an attempt of a run; it is kept in the record of its run. False: it said all that already. */
export function changeAttempt<T extends EventType>(
  turn: Turn,
  run: Run,
  attempt: Attempt,
  patch: AttemptPatch,
  telling: Telling<T>,
): boolean {
  const fields = differing(attempt, patch);
  if (fields.length === 0) return false;
  const { state } = attempt;
  write(attempt, fields, patch);
  keep(turn, run, keptAs(DEPENDANTS.attempt, fields, attemptKept(state, attempt.state)));
  const isAnother = attempt.state.kind !== state.kind;
  if (isAnother) linkAttempt(turn, run, attempt);
  // A number or a time that is told within a state decides nothing.
  const deciding = isAnother ? fields : fields.filter((field) => field !== 'state');
  for (const word of wordsOf(DEPENDANTS.attempt, deciding)) lookForAttempt(turn, run, attempt, word);
  if (telling !== SILENT) tell(turn, run, { server: attempt.server, epoch: attempt.epoch, ...telling });
  return true;
}

/** Brings a new record in. */
export function create<T extends EventType>(turn: Turn, record: Changing, telling: Telling<T>): void {
  enter(turn, record);
  keep(turn, record, 'EDITED');
  linkAll(turn, record);
  lookAgain(turn, record, 'NEW', NOTHING);
  if (telling !== SILENT) tell(turn, record, telling);
}

/** Takes a record out. What it was part of (an order, a move) is changed before. */
export function remove<T extends EventType>(turn: Turn, record: Changing, telling: Telling<T>): void {
  leave(turn, record);
  turn.journal.delete(recordKey(record));
  if (telling !== SILENT) tell(turn, record, telling);
}

/** Keeps the outcome of a call, in the commit of its effect. */
export function keepRequest(turn: Turn, record: RequestRecord): void {
  turn.state.requests.add(record);
  turn.journal.put(record);
}

/** Keeps who may do what. `news` undefined: the event log does not tell that it was used, or has expired. */
export function keepAccess(turn: Turn, record: AccessRecord, news: News | undefined): void {
  turn.state.access.put(record);
  turn.journal.put(record);
  if (news !== undefined) tell(turn, 'CLUSTER', news);
}

export function dropAccess(turn: Turn, record: AccessRecord, news: News | undefined): void {
  turn.state.access.delete(record);
  turn.journal.delete(recordKey(record));
  if (news !== undefined) tell(turn, 'CLUSTER', news);
}

/** Writes down how far a hook is. */
export function keepHook(turn: Turn, record: HookRecord): void {
  turn.state.hooks.set(record.hook, record);
  turn.journal.put(record);
}

/** Forgets how far a hook is. */
export function dropHook(turn: Turn, hook: string): void {
  turn.state.hooks.delete(hook);
  turn.journal.delete(hookKey(hook));
}

/** Writes down for good who did what, in the commit of what was done. */
export function audit(turn: Turn, log: AuditLogName, facts: AuditFacts): void {
  turn.journal.audit(log, facts);
}

/** Replaces the certificate authority. */
export function keepAuthority(turn: Turn, record: AuthorityRecord, news: News): void {
  turn.state.authority = record;
  turn.journal.put(record);
  tell(turn, 'CLUSTER', news);
}

/** Puts a join token in the place of the one with its id, if there is one. */
export function replaceJoinToken<T extends EventType>(turn: Turn, token: JoinToken, telling: News<T>): void {
  turn.state.joinTokens.set(token.id, token);
  turn.journal.put(token);
  tell(turn, 'CLUSTER', telling);
}

/** Its end was told of when it came. */
export function forgetJoinToken(turn: Turn, token: JoinToken): void {
  turn.state.joinTokens.delete(token.id);
  turn.journal.delete(joinTokenName(token));
}

/** Puts it in the place of the one with its server, if there is one. */
export function keepRevocation(turn: Turn, revocation: Revocation): void {
  turn.state.revocations.set(revocation.server, revocation);
  turn.journal.put(revocation);
}

export function forgetRevocation(turn: Turn, revocation: Revocation): void {
  turn.state.revocations.delete(revocation.server);
  turn.journal.delete(recordKey(revocation));
}

/** Drops the outcomes of calls up to an age of the cluster. */
export function dropRequests(turn: Turn, upToAge: number): void {
  for (const id of turn.state.requests.forgetUpTo(upToAge)) turn.journal.delete(`requests/${id}`);
}

/** Adds a line to the event log of which no record is changed. CLUSTER: it is about no record at all. */
export function tell<T extends EventType>(turn: Turn, about: Changing | 'CLUSTER', news: News<T>): void {
  turn.journal.event({ ...(about === 'CLUSTER' ? {} : subjectOf(about)), ...news });
}

function subjectOf(record: Changing): Pick<NewEvent, 'pool' | 'server' | 'policy' | 'run'> {
  switch (record.kind) {
    case 'pool':
      return { pool: record.id };
    case 'server':
      return { pool: record.pool, server: record.id };
    case 'policy':
      return { policy: record.id };
    case 'run':
      return { pool: record.pool, policy: record.policy, run: record.id };
  }
}

/** The one cast of the core: to its owner a record is a row of values. */
type Mutable = Record<string, unknown>;
const valuesOf = (record: Changing | Attempt): Mutable => record as object as Mutable;

function differing(record: Changing | Attempt, patch: object): readonly string[] {
  const values = valuesOf(record);
  return Object.keys(patch).filter((field) => !deepEqual(values[field], (patch as Mutable)[field]));
}

function write(record: Changing | Attempt, fields: readonly string[], patch: object): void {
  const values = valuesOf(record);
  const news = patch as Mutable;
  for (const field of fields) values[field] = news[field];
  if ('orderVersion' in record && fields.includes('order')) values['orderVersion'] = record.orderVersion + 1;
}

/** What of a record has to be known of before its change. */
interface Before {
  readonly order: readonly ServerId[];
  readonly reservation: Run['reservation'];
  readonly servers: readonly ServerId[];
}

const NOTHING: Before = { order: [], reservation: undefined, servers: [] };

function asItIs(record: Changing): Before {
  if (record.kind === 'pool') return { ...NOTHING, order: record.order };
  if (record.kind !== 'run') return NOTHING;
  return { order: NOTHING.order, reservation: record.reservation, servers: serversOf(record) };
}

function attemptKept(before: AttemptState, after: AttemptState): Keeping {
  // Another clock tells when it began.
  if (deepEqual({ ...before, startWall: 0 }, { ...after, startWall: 0 })) return 'SHOWN';
  // Written, though STOPPING is derived again: that its tree can be killed again is nothing that the next leader could derive.
  if (before.kind === 'STUCK') return 'EDITED';
  return keptInState(after.kind);
}

const keptNow = (record: Changing): Keeping => (record.kind === 'run' ? keptInState(record.state.kind) : 'EDITED');

type Rows<W extends string> = Readonly<Record<string, Row<W>>>;

const STRENGTH: Readonly<Record<Keeping, number>> = { SHOWN: 0, NOTED: 1, EDITED: 2 };

/** As the strongest of the fields is kept. */
function keptAs(rows: Rows<string>, fields: readonly string[], inState: Keeping): Keeping {
  let strongest: Keeping = 'SHOWN';
  for (const field of fields) {
    const row = rows[field];
    assert(row !== undefined, 'only fields with a row in the table of dependants change');
    const kept = row.kept === 'AS_ITS_STATE' ? inState : row.kept;
    if (STRENGTH[kept] > STRENGTH[strongest]) strongest = kept;
  }
  return strongest;
}

/** Each word once, in the order of the fields. Called at each change: no sets, no chains. */
function wordsOf<W extends string>(rows: Rows<W>, fields: readonly string[]): readonly W[] {
  const words: W[] = [];
  for (const field of fields) {
    for (const word of rows[field]?.looks ?? []) if (!words.includes(word)) words.push(word);
  }
  return words;
}

function keep({ journal, now }: Turn, record: Changing, keeping: Keeping): void {
  if (keeping === 'SHOWN') {
    journal.touch(recordKey(record));
    return;
  }
  if (keeping === 'EDITED') Object.assign(valuesOf(record), { version: record.version + 1, updateWall: now.wall });
  journal.put(record);
}

function lookAgain(turn: Turn, record: Changing, which: readonly string[] | 'NEW', before: Before): void {
  const of = <W extends string>(rows: Rows<W>, ofNew: readonly W[]): readonly W[] =>
    which === 'NEW' ? ofNew : wordsOf(rows, which);
  switch (record.kind) {
    case 'pool':
      for (const word of of(DEPENDANTS.pool, NEWCOMERS.pool)) lookForPool(turn, record, word, before.order);
      return;
    case 'server':
      for (const word of of(DEPENDANTS.server, NEWCOMERS.server)) lookForServer(turn, record, word);
      return;
    case 'policy':
      for (const word of of(DEPENDANTS.policy, NEWCOMERS.policy)) lookForPolicy(turn, record, word);
      return;
    case 'run':
      for (const word of of(DEPENDANTS.run, NEWCOMERS.run)) lookForRun(turn, record, word, before.servers);
  }
}
