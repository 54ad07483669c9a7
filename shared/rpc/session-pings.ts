/** Pings of HTTP/2 sessions from the server's side: Node sends none, and a peer behind a dead link would hold its calls for ever. */
import type { ServerHttp2Session } from 'node:http2';
import { KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS } from './channel-options.ts';

export interface PingOptions {
  /** Time between an answer and the next ping. */
  readonly intervalMs: number;
  /** A session that does not answer within this time is destroyed, with its calls. */
  readonly timeoutMs: number;
}

export const defaultPings: PingOptions = { intervalMs: KEEPALIVE_TIME_MS, timeoutMs: KEEPALIVE_TIMEOUT_MS };

/** Pings the session until it closes. */
export function keepPinging(session: ServerHttp2Session, { intervalMs, timeoutMs }: PingOptions): void {
  let timer: NodeJS.Timeout;
  const ping = (): void => {
    // Destroyed before it is closed, which may take long: whoever pings it then throws, out of a timer, and ends the process.
    if (session.destroyed) return;
    timer = setTimeout(() => session.destroy(), timeoutMs).unref();
    session.ping((error) => {
      clearTimeout(timer);
      if (session.destroyed) return;
      if (error === null) timer = setTimeout(ping, intervalMs).unref();
      // It can send nothing any more. Node leaves one open for ever whose client said GOAWAY, made an error, and went while a call was under way.
      else session.destroy();
    });
  };
  timer = setTimeout(ping, intervalMs).unref();
  session.once('close', () => clearTimeout(timer));
}
