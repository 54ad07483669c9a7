/** What was caught: which error it is, and how to say it. */

/** What was asked for is not there, or not there any more. */
const GONE = new Set(['ENOENT', 'ENODEV', 'ESRCH']);

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export function isGone(error: unknown): boolean {
  return GONE.has(errorCode(error));
}

/** For `catch`: swallows that it is gone, and nothing else. */
export function ignoreGone(error: unknown): void {
  if (!isGone(error)) throw error;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
