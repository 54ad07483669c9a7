/**
 * A client of Locum for web pages: Connect over `fetch`, to several controllers. They must know where the page is from: its own controller,
 * or one of their `allowed_hosts` (docs/operations.md, "Web pages").
 *
 * Browsers do not tell why a request failed. So there is no UnreachableError here: where nobody answers, a call is repeated until its time is
 * up, since it may have arrived.
 */
import { createConnectTransport } from '@connectrpc/connect-web';
import { type Caller, checkExposure } from './caller.ts';
import type { ClosableTransport } from './repeated-calls.ts';
import { repeatedCalls } from './repeated-calls.ts';
import { CALL_TIMEOUT_MS, type Locum, servicesOver } from './services.ts';
import { endSilence } from './silence.ts';
import { Targets } from './targets.ts';

export { errorOf, type Locum, type Services } from './services.ts';

export interface BrowserOptions extends Caller {
  /** Of the controllers, such as `https://c1.example:7400`, tried in this order. Default: the page's own. */
  readonly origins?: readonly string[];
  /** For one call with all its repetitions. Default: 10,000. A call's own `timeoutMs` goes before it; streams have none. */
  readonly timeoutMs?: number;
}

/** Nothing is sent before the first call. @throws RangeError for what is no origin, and for a token that would go in plain text */
export function connect(options: BrowserOptions = {}): Locum {
  const transport = openWebTransport(options);
  return { ...servicesOver(transport), close: transport.close };
}

/** @throws RangeError as `connect` */
export function openWebTransport({ timeoutMs = CALL_TIMEOUT_MS, ...options }: BrowserOptions): ClosableTransport {
  const { origins = [globalThis.location.origin], ...caller } = options;
  const urls = origins.map(originOf);
  checkExposure(
    caller,
    urls.filter(({ protocol }) => protocol === 'http:').map(({ host }) => host),
  );
  const closing = new AbortController();
  const transports = urls.map(({ origin }) => {
    const transport = createConnectTransport({
      baseUrl: origin,
      // In JSON, an answer with a field that only a newer controller knows would be refused.
      useBinaryFormat: true,
      fetch: (input, init) => fetch(input, { ...init, ...withEnd(closing.signal, init), credentials: 'omit' }),
    });
    return endSilence(transport);
  });
  const targets = new Targets(
    urls.map(({ origin }) => origin),
    transports,
  );
  return { ...repeatedCalls({ targets, caller, timeoutMs }), close: () => closing.abort() };
}

function originOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || `${url.origin}/` !== url.href) {
    throw new RangeError(`${text} is no origin such as https://locum.example:7400`);
  }
  return url;
}

function withEnd(end: AbortSignal, init: RequestInit | undefined): { readonly signal: AbortSignal } {
  const own = init?.signal ?? undefined;
  return { signal: own === undefined ? end : AbortSignal.any([own, end]) };
}
