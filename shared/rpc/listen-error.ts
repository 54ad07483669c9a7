/** Why a listener could not be opened, in words that help whoever started it. */

export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** The system's own word, such as EADDRINUSE. */
  readonly code: string;

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another process: stop that one, or choose another port',
  EACCES: 'this user may not open it: choose a port above 1023, or give the process the right to',
  EADDRNOTAVAIL: 'this host has no such address: use one of its own, or 127.0.0.1',
  ENOTFOUND: 'the name can not be resolved',
};

export function listenError(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  const code = error.code ?? 'UNKNOWN';
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return new ListenError(code, `can not listen on ${shownHost}:${port}: ${reasons[code] ?? error.message}`, error);
}
