/** Notes what calls come to in front of the core: refusals for want of permission, and what shows output or everything. */
import type { DescMethod } from '@bufbuild/protobuf';
import type { Interceptor, StreamRequest, UnaryRequest } from '@connectrpc/connect';
import { LocumError } from '../../shared/errors.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { HookService } from '../../shared/gen/locum/v1/hook_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import { callerAddressOf } from '../../shared/rpc/caller-address.ts';
import { type HttpRequest, pathOf } from '../../shared/rpc/http-handler.ts';
import { methodNameOf } from '../api/api-context.ts';
import type { AccessNotes, Noted, NotedKind } from './access-notes.ts';

export type Notes = Pick<AccessNotes, 'note'>;
type Request = UnaryRequest | StreamRequest;

/** What the core does not see and the audit has to have: what it is, and the field that says what it is about. */
const NOTED = new Map<DescMethod, { readonly kind: NotedKind; readonly about: string | undefined }>([
  [RunService.method.streamOutput, { kind: 'READ', about: 'name' }],
  [ClusterService.method.saveSnapshot, { kind: 'READ', about: undefined }],
  [ClusterService.method.transferLeadership, { kind: 'CHANGE', about: 'controller' }],
  // It runs a program of the controller's host, or sends a request from there, and shows what came of it.
  [HookService.method.testHook, { kind: 'CHANGE', about: 'name' }],
]);

/** Whether its calls are told in the audit from here, since the core changes nothing for them. */
export const isNoted = (method: DescMethod): boolean => NOTED.has(method);

/** Classes of errors that say: not you, or not in this way. */
const DENIED: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'UNAUTHENTICATED']);

/** Outermost: whoever refuses a call for want of permission, also before it is passed on, is inside. What another controller refused, it notes itself. */
export function denialInterceptor(notes: Notes): Interceptor {
  return (next) => async (request) => {
    const denied = (error: unknown): unknown => {
      if (error instanceof LocumError && DENIED.has(error.code)) {
        const about = error.resource ?? (request.stream ? '' : textIn(request.message, 'name'));
        notes.note('DENIAL', { ...notedOf(request), resource: about, outcome: error.reason }, Date.now());
      }
      return error;
    };
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: failing(response.message, denied) } : response;
    } catch (error) {
      throw denied(error);
    }
  };
}

/** A page of another origin, or a name that is not ours: refused before anybody is asked who he is. */
export function noteWebDenial(notes: Notes, request: HttpRequest, { reason }: LocumError): void {
  const source = callerAddressOf(request);
  const method = pathOf(request).slice(1);
  notes.note('DENIAL', { principal: '', method, resource: '', requestId: '', outcome: reason, source }, Date.now());
}

/** Innermost: where the call is carried out. */
export function readInterceptor(notes: Notes): Interceptor {
  return (next) => async (request) => {
    const noted = NOTED.get(request.method);
    if (noted === undefined) return next(request);
    let about = request.stream ? '' : textIn(request.message, noted.about);
    const observed = request.stream
      ? { ...request, message: seen(request.message, (one) => (about = textIn(one, noted.about))) }
      : request;
    const note = (outcome: string): void =>
      notes.note(noted.kind, { ...notedOf(request), resource: about, outcome }, Date.now());
    const response = await next(observed).catch((error: unknown) => {
      // What is no refusal of ours, as when the caller hangs up, may have come after the beginning.
      if (!(error instanceof LocumError)) note('OUTCOME_UNKNOWN');
      throw error;
    });
    // Of a stream, something was shown once its first message is.
    if (response.stream) return { ...response, message: atFirst(response.message, () => note('OK')) };
    note('OK');
    return response;
  };
}

function notedOf({ service, method, contextValues }: Request): Omit<Noted, 'resource' | 'outcome'> {
  const { actor, source } = contextValues.get(callerKey);
  return { method: methodNameOf({ service, method }), source, principal: actor, requestId: '' };
}

function textIn(message: object, field: string | undefined): string {
  const value: unknown = field === undefined ? '' : Reflect.get(message, field);
  return typeof value === 'string' ? value : '';
}

async function* seen<T extends object>(messages: AsyncIterable<T>, see: (message: T) => void): AsyncGenerator<T> {
  for await (const message of messages) {
    see(message);
    yield message;
  }
}

async function* atFirst<T>(messages: AsyncIterable<T>, note: () => void): AsyncGenerator<T> {
  let isFirst = true;
  for await (const message of messages) {
    if (isFirst) note();
    isFirst = false;
    yield message;
  }
}

async function* failing<T>(messages: AsyncIterable<T>, seeError: (error: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw seeError(error);
  }
}
