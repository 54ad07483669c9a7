/** The door in front of the API listener: each request is let in, or answered here, before its body is read. */
import type { DescService } from '@bufbuild/protobuf';
import { type MethodRule, ruleOf } from '../../shared/access/method-access.ts';
import type { KnownCaller } from '../../shared/access/principal.ts';
import { internalError, LocumError } from '../../shared/errors.ts';
import { Health } from '../../shared/gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../shared/gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../shared/gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { ACTOR_HEADER } from '../../shared/rpc/actor-header.ts';
import { peerOf, rememberCaller } from '../../shared/rpc/caller.ts';
import { callerAddressOf } from '../../shared/rpc/caller-address.ts';
import { type HttpHandler, type HttpRequest, type HttpResponse, pathOf } from '../../shared/rpc/http-handler.ts';
import { sendRefusal } from '../../shared/rpc/refusal.ts';
import { FORWARDED_HEADER, SOURCE_HEADER } from '../replication/forwarded-call.ts';
import type { Notes } from './access-audit.ts';
import type { Credentials, Doorkeeper } from './doorkeeper.ts';
import { SIGNATURE_HEADER, VOUCHED_HEADER } from './vouching.ts';

const EVERYBODY: MethodRule = { kind: 'everybody' };
const KNOWN: MethodRule = { kind: 'known' };

/** Pages that say nothing but that this process is there, and whether it serves. */
const PAGES: Readonly<Record<string, MethodRule>> = {
  '/healthz': EVERYBODY,
  '/livez': EVERYBODY,
  '/readyz': EVERYBODY,
  '/metrics': { kind: 'permission', permission: 'metrics.read', reach: 'CLUSTER' },
};

/** What each path needs. Of one that nobody knows, who asks is asked all the same. */
export function pathRules(services: readonly DescService[]): (path: string) => MethodRule {
  const rules = new Map<string, MethodRule>(Object.entries(PAGES));
  const add = ({ typeName, methods }: DescService, fixed?: MethodRule): void => {
    for (const method of methods) {
      const rule = fixed ?? ruleOf(method);
      if (rule !== undefined) rules.set(`/${typeName}/${method.name}`, rule);
    }
  };
  for (const service of services) add(service);
  add(Health, EVERYBODY);
  for (const reflection of [ServerReflection, ServerReflectionAlpha]) add(reflection, KNOWN);
  return (path) => rules.get(path) ?? KNOWN;
}

export interface AdmissionOptions {
  readonly doorkeeper: Doorkeeper;
  readonly rules: (path: string) => MethodRule;
  readonly notes: Notes;
  /** Is told of failures that are no answers of ours. */
  readonly defect: (error: unknown) => void;
}

/** The same handler, for those who are let in. */
export function admitted(handler: HttpHandler, { doorkeeper, rules, notes, defect }: AdmissionOptions): HttpHandler {
  return (request, response) => {
    const path = pathOf(request);
    const rule = rules(path);
    const refuse = (error: unknown, actor: string): void => {
      if (!(error instanceof LocumError)) defect(error);
      const answer = error instanceof LocumError ? error : internalError(error);
      noteRefusal(notes, request, { error: answer, actor });
      sendRefusal(request, response, answer, STATUS.get(answer.code) ?? 500);
    };
    const pass = (caller: KnownCaller): void => {
      rememberCaller(request, caller);
      handler(request, response);
    };
    /** What is known at once is answered at once. */
    const step = (take: () => Answer, next: (caller: KnownCaller) => void, actor: string): void => {
      try {
        const caller = take();
        if (!(caller instanceof Promise)) {
          next(caller);
          return;
        }
        const late = (known: KnownCaller): unknown => stillThere(response) && next(known);
        caller
          .then(late, (error: unknown) => refuse(error, actor))
          // Nothing that one request brings about may end the process.
          .catch((error: unknown) => {
            defect(error);
            response.destroy();
          });
      } catch (error) {
        refuse(error, actor);
      }
    };
    const enter = (caller: KnownCaller): void => step(() => doorkeeper.admit(caller, rule), pass, caller.actor);
    step(() => doorkeeper.identify(credentialsOf(request, path), rule), enter, '');
  };
}

type Answer = KnownCaller | Promise<KnownCaller>;

const STATUS: ReadonlyMap<string, number> = new Map([
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['INVALID_ARGUMENT', 400],
  ['UNAVAILABLE', 503],
]);

const stillThere = (response: HttpResponse): boolean => !response.destroyed && !response.writableEnded;

function credentialsOf(request: HttpRequest, path: string): Credentials {
  const text = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return {
    path,
    address: callerAddressOf(request),
    authorization: text('authorization'),
    peer: peerOf(request),
    says: text(ACTOR_HEADER) ?? '',
    vouched: text(VOUCHED_HEADER),
    signature: text(SIGNATURE_HEADER),
    forwardedBy: text(FORWARDED_HEADER),
    forwardedFrom: text(SOURCE_HEADER),
  };
}

/** Who is not known has no name. */
function noteRefusal(
  notes: Notes,
  request: HttpRequest,
  { error, actor }: { readonly error: LocumError; readonly actor: string },
): void {
  if (error.code !== 'UNAUTHENTICATED' && error.code !== 'PERMISSION_DENIED') return;
  const what = { principal: actor, method: pathOf(request).slice(1), resource: '', requestId: '' };
  notes.note('DENIAL', { ...what, outcome: error.reason, source: callerAddressOf(request) }, Date.now());
}
