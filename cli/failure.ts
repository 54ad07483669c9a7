/** What went wrong, for people: the message, the reason, and what to do next. Never a stack, unless it is a defect of ours. */
import { Code, ConnectError } from '@connectrpc/connect';
import { UnreachableError } from '../sdk/typescript/unreachable-error.ts';
import { type ErrorReason, LocumError, type StatusCode } from '../shared/errors.ts';
import { printable } from '../shared/printable.ts';
import { fromConnectError } from '../shared/rpc/status-details.ts';
import { credentialAdvice } from './client/credential-advice.ts';
import { CommandFailure, EXIT, type ExitCode } from './exit-codes.ts';
import type { Globals } from './globals.ts';
import { styled } from './output/style.ts';

/** What to do next, where the message can't know the command. `words` are those of the command line. */
const advice: Partial<Record<ErrorReason, string>> = {
  PLAN_CHANGED: 'Look at it again with --dry-run, which prints the plan as it is now.',
  ETAG_MISMATCH: 'Somebody changed it meanwhile: show it again, then repeat with the new etag, or without one.',
  ORDER_INCOMPLETE: 'Name every server of the pool once; "locum server order" prints the order as it is.',
  ORDER_DUPLICATE: 'Name every server of the pool once; "locum server order" prints the order as it is.',
  ORDER_UNKNOWN_SERVER: '"locum server list" shows the servers and their pools.',
  POLICY_PAUSED: '"locum policy resume" ends the pause.',
  TOO_MANY_RUNS: 'Wait for a run to end, stop it with "locum run stop", or raise max_concurrent_runs.',
  SERVER_ALIVE: '"locum server drain" moves its work away; delete it once it has left.',
  SERVER_NOT_MISSING: 'Only a MISSING server can be confirmed dead; a living one can be drained.',
  SERVER_CHANGED: 'Show the server again, and repeat with what it shows now.',
  TIMERS_INVALID:
    'h: heartbeat interval, L: lease, G: stop timeout, K: kill guard, M: missing after, F: 1.25 (docs/semantics.md, "Timers"). Several can be set at once.',
  POOL_IN_USE: 'Delete or move its servers and policies first; pools/default always stays.',
  TARGET_NOT_ELIGIBLE: '"locum policy explain" tells for every server why.',
  OUTCOME_UNKNOWN: 'It may have happened: look before you repeat it.',
  STORE_FULL: "Make room on the controller's disk; nothing is lost, and what runs goes on.",
};

const lists: Readonly<Record<string, string>> = {
  servers: 'locum server list',
  policies: 'locum policy list',
  pools: 'locum pool list',
  runs: 'locum run list --all',
};

const exitCodes: Partial<Record<StatusCode, ExitCode>> = {
  NOT_FOUND: EXIT.notFound,
  ALREADY_EXISTS: EXIT.conflict,
  ABORTED: EXIT.conflict,
  UNAUTHENTICATED: EXIT.denied,
  PERMISSION_DENIED: EXIT.denied,
};

export interface Told {
  readonly lines: readonly string[];
  readonly exitCode: ExitCode;
}

function adviceFor(error: LocumError): string | undefined {
  // Of a move; nobody places the lead.
  if (error.reason === 'TARGET_NOT_ELIGIBLE' && !error.resource?.startsWith('runs/')) return undefined;
  if (error.reason === 'NOT_FOUND') {
    const list = lists[error.resource?.split('/')[0] ?? ''];
    return list === undefined ? undefined : `"${list}" shows what there is.`;
  }
  return advice[error.reason];
}

function tellLocumError(error: LocumError): Told {
  const hint = adviceFor(error);
  const lines = error.fieldViolations.map(
    ({ field, description }) => `  ${field === '' ? '' : `${field}: `}${description}`,
  );
  const fields = [...new Set(lines)];
  // One violation is already the message; several read better below each other. The last may say how many more there are, of no field.
  const named = error.fieldViolations.filter(({ field }) => field !== '').length;
  const many = named < fields.length ? `at least ${named}` : `${named}`;
  const heading = named === 0 ? 'this can not be read' : `${many} fields are wrong`;
  const message =
    fields.length > 1 ? [heading, ...fields] : [lines.length > 1 ? (fields[0] ?? '').trim() : error.message];
  const [first = '', ...rest] = message;
  const exitCode = error.reason === 'TARGET_NOT_ELIGIBLE' ? EXIT.notPlaced : (exitCodes[error.code] ?? EXIT.error);
  return { lines: [`${first} (${error.reason})`, ...rest, ...(hint === undefined ? [] : [hint])], exitCode };
}

function tellConnectError(error: ConnectError): Told {
  if (error.code === Code.DeadlineExceeded) {
    return { lines: ['no answer in time', 'Give more with --timeout, or see "locum status".'], exitCode: EXIT.timeout };
  }
  if (error.code === Code.PermissionDenied || error.code === Code.Unauthenticated) {
    return { lines: [error.rawMessage], exitCode: EXIT.denied };
  }
  const lines = [`${error.rawMessage} (${Code[error.code]})`];
  return { lines: error.code === Code.Unimplemented ? [...lines, OTHER_LISTENER] : lines, exitCode: EXIT.error };
}

const OTHER_LISTENER =
  'An older controller does not have it, and neither has the listener for agents (7401 unless told otherwise): the API has another one (7400).';

/**
 * Errors of the programs that say by themselves what is wrong outside of them. By name: importing their classes would load the
 * programs.
 */
const PLAIN_ERRORS = new Set([
  'StoreError',
  'ListenError',
  'AgentRunningError',
  'AgentNotRunningError',
  'IdentityError',
  'KeeperRunningError',
  'KeeperUnreachableError',
  'TlsMaterialError',
  'WrappingKeyError',
  'ExposedFileError',
]);

/** Whether Node itself says what is wrong with something outside: a file, a port, a folder. */
function isSystemError(error: Error): error is NodeJS.ErrnoException {
  return 'code' in error && typeof error.code === 'string' && 'syscall' in error;
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  EACCES: 'may not be used by this user',
  EEXIST: 'exists already',
  EISDIR: 'is a folder, not a file',
  ENOENT: 'does not exist',
  ENOSPC: "can't be written: the disk is full",
  ENOTDIR: 'has a file where a folder is meant',
  EROFS: "can't be written: the disk is read-only",
};

/** About a file in plain words; anything else in those of the system. */
function systemText({ code = '', path, message }: NodeJS.ErrnoException): string {
  const plain = FILE_ERRORS[code];
  // Node does not say which folder it was.
  if (path === undefined) return code === 'EISDIR' ? `a folder was named where a file is meant (${code})` : message;
  return plain === undefined ? message : `${path} ${plain} (${code})`;
}

const START_ADVICE = 'Is it running? "locum dev" starts one to try; --address or LOCUM_ADDRESS names another.';

const NO_TLS_ADVICE =
  'Start that controller with --tls; or, where plaintext is meant, leave out --ca-file, --tls-dir and contexts that name them.';

/** Lines for standard error, and the exit code. */
export function describeFailure(error: unknown): Told {
  if (error instanceof CommandFailure) return { lines: error.message.split('\n'), exitCode: error.exitCode };
  if (error instanceof UnreachableError && error.reason !== undefined)
    return { lines: [`${error.message} (${error.reason})`, NO_TLS_ADVICE], exitCode: EXIT.error };
  if (error instanceof UnreachableError) return { lines: [error.message, START_ADVICE], exitCode: EXIT.error };
  const known = error instanceof LocumError ? error : fromConnectError(error);
  if (known !== undefined) return tellLocumError(known);
  if (error instanceof ConnectError) return tellConnectError(error);
  if (error instanceof Error && isSystemError(error)) return { lines: [systemText(error)], exitCode: EXIT.error };
  if (error instanceof Error && error.name === 'AuthorityError' && 'reason' in error) {
    return { lines: [`${error.message} (${String(error.reason)})`], exitCode: EXIT.error };
  }
  if (error instanceof Error && PLAIN_ERRORS.has(error.name)) {
    return { lines: error.message.split('\n'), exitCode: EXIT.error };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    lines: ['this is a defect of Locum; please report it with these lines:', ...stack.split('\n')],
    exitCode: EXIT.error,
  };
}

/** Prints it and returns the exit code. `globals` say where to look for names that may have been meant. */
export async function tellFailure(error: unknown, globals: Pick<Globals, 'address' | 'target'>): Promise<ExitCode> {
  const { lines, exitCode } = describeFailure(error);
  const [first = '', ...rest] = lines;
  process.stderr.write(`${styled('bad', 'error:', process.stderr)} ${printable(first)}\n`);
  for (const line of [...rest, ...credentialAdvice(error, globals.target)]) {
    process.stderr.write(`${printable(line)}\n`);
  }
  if (exitCode === EXIT.notFound) {
    const { suggestNames } = await import('./suggest.ts');
    for (const line of await suggestNames(error, globals)) process.stderr.write(`${printable(line)}\n`);
  }
  return exitCode;
}
