/**
 * Ends an HTTP/2 session that floods. Resets, empty frames, priorities and heads without an end are bounded in nghttp2, which sends GOAWAY;
 * pings and settings are answered there for as long as the client reads the answers, so they are counted here.
 * Sources: CVE-2023-44487 (resets), CVE-2019-9512 (pings), CVE-2019-9515 (settings)
 */
import { constants, type ServerHttp2Session, type ServerOptions } from 'node:http2';

/** An honest client resets what it has no use for any more: all its calls at once, twice, and then some in each second. */
export const resetLimits = { streamResetBurst: 200, streamResetRate: 33 } as const satisfies ServerOptions;

/** Pings and settings of one session in a window. gRPC clients ping every 10 s at most, and change settings once or twice in a life. */
const MAX_CONTROL_FRAMES = 100;
const WINDOW_MS = 10_000;

/** Counts until the session closes; at the bound it is told so and destroyed, and `ended` is called. */
export function endFloods(session: ServerHttp2Session, ended: () => void): void {
  let since = performance.now();
  let frames = 0;
  const count = (): void => {
    const now = performance.now();
    if (now - since > WINDOW_MS) {
      since = now;
      frames = 0;
    }
    frames += 1;
    if (frames <= MAX_CONTROL_FRAMES || session.destroyed) return;
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    ended();
  };
  session.on('ping', count);
  session.on('remoteSettings', count);
}
