/** What the handlers of the API work with. */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { clone, type DescMessage, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { ruleOf } from '../../shared/access/method-access.ts';
import { assert } from '../../shared/assert.ts';
import { isJsonObject } from '../../shared/config/json-merge.ts';
import { invalidField, LocumError } from '../../shared/errors.ts';
import { cut, printable } from '../../shared/printable.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import type { AuthorityPort } from '../access/authority-port.ts';
import type { Signer } from '../access/signer.ts';
import type { AgentStreams } from '../agents/agent-streams.ts';
import { denied } from '../core/calls/permitted.ts';
import type { Call, CallOrigin, CallValue, Warrant } from '../core/cluster/event.ts';
import type { Deviation } from '../core/views.ts';
import type { Diagnostics } from '../diagnostics.ts';
import { overloaded } from '../engine/pending-calls.ts';
import type { HooksPort } from '../hooks/hook.ts';
import type { LeaderTerm } from '../leadership/leader-term.ts';
import type { Controllers } from '../replication/controllers.ts';
import type { CopyReports } from '../replication/copy-reports.ts';
import type { Store } from '../store/store.ts';

/** What answers are made from: the leader's term, or a copy of what it wrote. */
export type LeaderTermView = Pick<LeaderTerm, 'read' | 'copy' | 'call' | 'hub' | 'confirmTerm'> & {
  /** Undefined: it is not the leader's own store that is looked at. */
  readonly storeStatus: LeaderTerm['storeStatus'] | undefined;
};

export interface ApiContext {
  /** The leader's term now. @throws LocumError NOT_LEADER */
  readonly leaderTerm: () => LeaderTermView;
  readonly controllers: Pick<Controllers, 'list' | 'gone' | 'transfer'>;
  /** How far the copies of followers are. */
  readonly copies: Pick<CopyReports, 'take' | 'followers'>;
  /** What is wrong beside what the core knows of. Default: nothing. */
  readonly trouble?: () => readonly Deviation[];
  readonly hooks: HooksPort;
  readonly agents: Pick<AgentStreams, 'readOutput'>;
  /** Signs certificates. Default: the cluster has none. */
  readonly signer?: Signer | undefined;
  /** Default: as without a signer. */
  readonly authority?: AuthorityPort | undefined;
  readonly storeKind: Store['kind'];
  readonly version: string;
  /** Of this controller itself, whoever leads. */
  readonly diagnostics: () => Promise<Diagnostics>;
  /** Streams to clients: watches and output. */
  readonly streams: StreamCount;
  /** Time between two bookmarks of a watch. */
  readonly bookmarkMs: number;
}

/** Items of a stream that are made in one turn of the event loop, each as large as a policy may be. */
const TURN_ITEMS = 25;

/** Counts what would otherwise grow without a bound: streams that clients open and leave open. */
export class StreamCount {
  readonly #max: number;
  #open = 0;

  constructor(max = 5_000) {
    this.#max = max;
  }

  /** Runs a stream, and leaves turns to everybody else. @throws LocumError OVERLOADED when as many as may be are open */
  async *counted<T>(stream: AsyncIterable<T>): AsyncGenerator<T> {
    if (this.#open >= this.#max) throw overloaded(`${this.#max} streams are open`);
    this.#open += 1;
    try {
      let given = 0;
      for await (const item of stream) {
        yield item;
        given += 1;
        // A client that reads as fast as we write gets everything within one turn otherwise: 5,000 policies kept all others waiting 250 ms.
        if (given % TURN_ITEMS === 0) await turn();
      }
    } finally {
      this.#open -= 1;
    }
  }
}

/** Printable, without spaces: it becomes part of a key of the store. */
const REQUEST_ID = /^[\x21-\x7e]{0,128}$/;

export function notLeader(): LocumError {
  return new LocumError('NOT_LEADER', 'this controller does not lead now: repeat in a moment', { retryAfterMs: 500 });
}

type Request = { readonly requestId?: string; readonly validateOnly?: boolean; readonly ifPlan?: string };

export function shuttingDown(): LocumError {
  return new LocumError('NOT_LEADER', 'this controller is shutting down: ask again in a moment', {
    retryAfterMs: 1_000,
  });
}

/** A request that changes something, with what the handler knows of it. */
export interface Submission<Desc extends DescMessage> {
  readonly schema: Desc;
  readonly message: MessageShape<Desc> & Request;
  readonly context: HandlerContext;
}

/** Hands a call to the core and waits for its answer. @throws LocumError the core's refusal, or why it could not be asked */
export async function submit<Desc extends DescMessage, Kind extends CallValue['kind']>(
  api: ApiContext,
  { schema, message, context }: Submission<Desc>,
  request: Call,
  ...kinds: readonly Kind[]
): Promise<Extract<CallValue, { kind: Kind }>> {
  const { requestId = '', validateOnly = false, ifPlan = '' } = message;
  if (!REQUEST_ID.test(requestId)) {
    throw invalidField('request_id', 'must be at most 128 printable characters without spaces');
  }
  const value = await api.leaderTerm().call({
    actor: context.values.get(callerKey).actor,
    warrant: warrantOf(context),
    origin: originOf(context),
    requestId,
    fingerprint: requestId === '' ? '' : fingerprintOf(schema, message, context.method.name),
    validateOnly,
    ifPlan,
    request,
  });
  assert(isOneOf(value, kinds), `the core answered ${request.kind} with ${value.kind}`);
  return value;
}

/** For the answer to a call that was only tried. */
export const planOf = ({ planEtag = '' }: CallValue) => ({ planEtag });

function isOneOf<Kind extends CallValue['kind']>(
  value: CallValue,
  kinds: readonly Kind[],
): value is Extract<CallValue, { kind: Kind }> {
  return kinds.some((kind) => kind === value.kind);
}

/** The method and where the call came from, in the words of the audit. */
export function originOf({ service, method, values }: CallFacts): CallOrigin {
  const { source } = values.get(callerKey);
  return { method: methodNameOf({ service, method }), source: cut(printable(source), SOURCE_CHARACTERS) };
}

type CallFacts = Pick<HandlerContext, 'service' | 'method' | 'values'>;
const SOURCE_CHARACTERS = 128;

export const methodNameOf = ({ service, method }: Pick<HandlerContext, 'service' | 'method'>): string =>
  `${service.typeName}/${method.name}`;

/** By what right the caller calls: what his roles are, and what the method needs. @throws LocumError PERMISSION_DENIED */
function warrantOf({ values, method }: Pick<HandlerContext, 'values' | 'method'>): Warrant {
  const rule = ruleOf(method);
  if (rule?.kind !== 'permission') throw denied(method.name);
  return { principal: values.get(callerKey).principal, permission: rule.permission };
}

/**
 * Hash of method and arguments without the request_id. Of the sorted JSON, not of the bytes: a client's retry may encode a map in
 * another order.
 */
function fingerprintOf<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc> & Request,
  method: string,
): string {
  const json = toJson(schema, clone(schema, message));
  if (isJsonObject(json)) delete json['requestId'];
  return createHash('sha256')
    .update(`${method}\n${JSON.stringify(sorted(json))}`)
    .digest('hex');
}

function sorted(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(sorted);
  if (!isJsonObject(json)) return json;
  return Object.fromEntries(
    Object.entries(json)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, sorted(value)]),
  );
}
