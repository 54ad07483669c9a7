/** What a failed call says about its connection. */

const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

/** Whether Node could not even connect: nothing was sent. */
export function neverArrived(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const codes = [at, ...(at instanceof AggregateError ? at.errors : [])].map((e: NodeJS.ErrnoException) => e.code);
    if (codes.some((code) => code !== undefined && NOT_CONNECTED.has(code))) return true;
  }
  return false;
}
