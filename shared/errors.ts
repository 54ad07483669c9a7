/**
 * The one table of errors. Every error that leaves Locum has a reason of this table; the reasons are the API's `ErrorReason`
 * enum, and a test keeps the two equal. Pure: cores answer with these errors too.
 */
import { cut } from './printable.ts';

/** Class of an error, as gRPC names it; it says what a caller can do about it. */
export type StatusCode =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'ABORTED'
  | 'FAILED_PRECONDITION'
  | 'OUT_OF_RANGE'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'UNAVAILABLE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL';

const codes = {
  // The request is wrong, whatever the state.
  INVALID_FIELD: 'INVALID_ARGUMENT',
  TIMERS_INVALID: 'INVALID_ARGUMENT',
  ORDER_DUPLICATE: 'INVALID_ARGUMENT',
  ORDER_INCOMPLETE: 'INVALID_ARGUMENT',
  ORDER_UNKNOWN_SERVER: 'INVALID_ARGUMENT',
  ORDER_CYCLE: 'INVALID_ARGUMENT',
  REQUIREMENT_INVALID: 'INVALID_ARGUMENT',
  SCHEDULE_INVALID: 'INVALID_ARGUMENT',
  SCHEDULE_NEVER_FIRES: 'INVALID_ARGUMENT',
  IMMUTABLE_FIELD: 'INVALID_ARGUMENT',
  PAGE_TOKEN_INVALID: 'INVALID_ARGUMENT',
  PROTOCOL: 'INVALID_ARGUMENT',
  // What it names is not there, or is there already.
  NOT_FOUND: 'NOT_FOUND',
  OUTPUT_NOT_FOUND: 'NOT_FOUND',
  DELETED_SINCE: 'NOT_FOUND',
  ALREADY_EXISTS: 'ALREADY_EXISTS',
  DUPLICATE_IDENTITY: 'ALREADY_EXISTS',
  // It was made from what is no longer so: read again, decide again.
  ETAG_MISMATCH: 'ABORTED',
  PLAN_CHANGED: 'ABORTED',
  SERVER_CHANGED: 'ABORTED',
  REVISION_TOO_OLD: 'OUT_OF_RANGE',
  // The state does not allow it: change the state first.
  REQUEST_ID_REUSED: 'FAILED_PRECONDITION',
  POLICY_DELETING: 'FAILED_PRECONDITION',
  POLICY_PAUSED: 'FAILED_PRECONDITION',
  TOO_MANY_RUNS: 'FAILED_PRECONDITION',
  WRONG_TRIGGER: 'FAILED_PRECONDITION',
  RUN_ENDED: 'FAILED_PRECONDITION',
  WRONG_RUN_STATE: 'FAILED_PRECONDITION',
  TARGET_NOT_ELIGIBLE: 'FAILED_PRECONDITION',
  SERVER_NOT_MISSING: 'FAILED_PRECONDITION',
  SERVER_ALIVE: 'FAILED_PRECONDITION',
  SERVER_DELETING: 'FAILED_PRECONDITION',
  POOL_IN_USE: 'FAILED_PRECONDITION',
  HOOK_CONFIGURED: 'FAILED_PRECONDITION',
  WRONG_CLUSTER: 'FAILED_PRECONDITION',
  STORE_BEHIND: 'FAILED_PRECONDITION',
  STARTS_HELD: 'FAILED_PRECONDITION',
  ROLE_IN_USE: 'FAILED_PRECONDITION',
  NO_AUTHORITY: 'FAILED_PRECONDITION',
  AUTHORITY_WRONG_PHASE: 'FAILED_PRECONDITION',
  TLS_REQUIRED: 'FAILED_PRECONDITION',
  AUTHORITY_IN_USE: 'FAILED_PRECONDITION',
  // A bound was reached.
  STORE_FULL: 'RESOURCE_EXHAUSTED',
  OVERLOADED: 'RESOURCE_EXHAUSTED',
  TOO_MANY_REQUESTS: 'RESOURCE_EXHAUSTED',
  MESSAGE_TOO_LARGE: 'RESOURCE_EXHAUSTED',
  RECORD_TOO_LARGE: 'RESOURCE_EXHAUSTED',
  SLOW_READER: 'RESOURCE_EXHAUSTED',
  TOO_MANY_JOIN_TOKENS: 'RESOURCE_EXHAUSTED',
  // It is not known who calls.
  UNAUTHENTICATED: 'UNAUTHENTICATED',
  TOKEN_INVALID: 'UNAUTHENTICATED',
  UNKNOWN_AUTHORITY: 'UNAUTHENTICATED',
  // He may not.
  PERMISSION_DENIED: 'PERMISSION_DENIED',
  // The way it came is not allowed.
  HOST_NOT_ALLOWED: 'PERMISSION_DENIED',
  ORIGIN_NOT_ALLOWED: 'PERMISSION_DENIED',
  WRONG_IDENTITY: 'PERMISSION_DENIED',
  JOIN_TOKEN_UNKNOWN: 'PERMISSION_DENIED',
  JOIN_TOKEN_EXPIRED: 'PERMISSION_DENIED',
  JOIN_TOKEN_USED: 'PERMISSION_DENIED',
  JOIN_TOKEN_REVOKED: 'PERMISSION_DENIED',
  JOIN_TOKEN_MISMATCH: 'PERMISSION_DENIED',
  SERVER_NAME_TAKEN: 'PERMISSION_DENIED',
  CERTIFICATE_REVOKED: 'PERMISSION_DENIED',
  // Not now, or not here.
  NOT_LEADER: 'UNAVAILABLE',
  STORE_UNAVAILABLE: 'UNAVAILABLE',
  FENCE_NOT_KNOWN: 'UNAVAILABLE',
  OUTCOME_UNKNOWN: 'UNAVAILABLE',
  AGENT_UNREACHABLE: 'UNAVAILABLE',
  PROVIDER_UNAVAILABLE: 'UNAVAILABLE',
  UNIMPLEMENTED: 'UNIMPLEMENTED',
  INTERNAL: 'INTERNAL',
} satisfies Record<string, StatusCode>;

/** Why something was refused or failed: the names of the API's `ErrorReason`, without its prefix. */
export type ErrorReason = keyof typeof codes;

/** The class of each reason. */
export const errorCodes: Readonly<Record<ErrorReason, StatusCode>> = codes;

/** Whether a text that came from outside is a reason. */
export function isErrorReason(text: string): text is ErrorReason {
  return Object.hasOwn(codes, text);
}

/** One field that breaks a rule. */
export interface FieldViolation {
  /** Path from the request, in the proto's names: `policy.workload.env["X"]`. Empty: the request as a whole. */
  readonly field: string;
  /** What is wrong with it, for people. */
  readonly description: string;
}

export interface ErrorDetail {
  /** Facts for programs, such as the name of a limit and its value. Never secrets. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default: none. */
  readonly fieldViolations?: readonly FieldViolation[];
  /** Name of the resource it is about, `servers/web-1`. Default: unknown. */
  readonly resource?: string | undefined;
  /** When it makes sense to repeat the call. Default: the caller's own back-off. */
  readonly retryAfterMs?: number | undefined;
  /** What was caught, for our own log; never sent. */
  readonly cause?: unknown;
}

/** An answer that says no. The message is for people and says what to do next; programs read the reason. */
export class LocumError extends Error {
  override readonly name = 'LocumError';
  readonly reason: ErrorReason;
  readonly code: StatusCode;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fieldViolations: readonly FieldViolation[];
  readonly resource: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(reason: ErrorReason, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.reason = reason;
    this.code = errorCodes[reason];
    this.metadata = detail.metadata ?? {};
    this.fieldViolations = detail.fieldViolations ?? [];
    this.resource = detail.resource;
    this.retryAfterMs = detail.retryAfterMs;
  }
}

/** A message goes into a header, beside details that say the same in full. */
const MESSAGE_LIMIT_CHARACTERS = 1_500;

/** A field breaks a rule. */
export function invalidField(field: string, description: string): LocumError {
  return invalidFields([{ field, description }]);
}

/** Fields break rules. At least one. */
export function invalidFields(fieldViolations: readonly FieldViolation[]): LocumError {
  const message = fieldViolations.map(({ field, description }) => (field ? `${field}: ${description}` : description));
  return new LocumError('INVALID_FIELD', cut(message.join('; '), MESSAGE_LIMIT_CHARACTERS), { fieldViolations });
}

/** A field is wrong for a reason of its own, such as SCHEDULE_INVALID. */
export function badField(reason: ErrorReason, field: string, description: string): LocumError {
  return new LocumError(reason, `${field}: ${description}`, { fieldViolations: [{ field, description }] });
}

/** `resource` is a full name, `servers/web-1`. */
export function notFound(resource: string): LocumError {
  return new LocumError('NOT_FOUND', `${resource} does not exist`, { resource });
}

export function alreadyExists(resource: string): LocumError {
  return new LocumError('ALREADY_EXISTS', `${resource} exists already`, { resource });
}

export function etagMismatch(resource: string): LocumError {
  return new LocumError('ETAG_MISMATCH', `${resource} has changed since it was read: read it again and repeat`, {
    resource,
  });
}

export function immutableField(field: string): LocumError {
  return badField('IMMUTABLE_FIELD', field, 'can not be changed after creation');
}

/** The state of a resource does not allow the call. The message says what to do first. */
export function stateProblem(reason: ErrorReason, resource: string, message: string): LocumError {
  return new LocumError(reason, message, { resource });
}

/** A defect of ours. The message says nothing about the inside; the cause goes to our log. */
export function internalError(cause: unknown): LocumError {
  return new LocumError(
    'INTERNAL',
    'internal error: a defect of Locum, please report it with the log of the controller',
    {
      cause,
    },
  );
}
