/** Fetches a small JSON document, within bounds of time and size, and from nowhere else than where it was asked for. */
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';

export interface BoundedGet {
  readonly url: URL;
  /** PEM of the authorities that are trusted. Undefined: those of Node.js. */
  readonly ca?: string | undefined;
  /** For all of it, from the look-up of the name to the last byte. */
  readonly timeoutMs: number;
  readonly limitBytes: number;
}

/** Rejects with an Error that says what went wrong. Redirects are not followed: they would lead to a place that nobody configured. */
export async function getJson(get: BoundedGet): Promise<unknown> {
  const text = await getText(get);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`${get.url.href} did not answer with JSON`);
  }
}

function getText({ url, ca, timeoutMs, limitBytes }: BoundedGet): Promise<string> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestTls : requestPlain;
    const request = send(url, {
      agent: false,
      headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'locum-controller' },
      ...(ca === undefined ? {} : { ca }),
    });
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
    const fail = (why: string): void => {
      clearTimeout(timer);
      reject(new Error(`${url.href} ${why}`));
      request.destroy();
    };
    request.on('error', ({ message }) => fail(`can't be reached: ${message}`));
    request.on('response', (response) => {
      if (response.statusCode !== 200) return fail(`answered with status ${response.statusCode ?? 0}`);
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > limitBytes) fail(`answered with more than ${limitBytes} bytes`);
        else chunks.push(chunk);
      });
      response.on('error', ({ message }) => fail(`broke off: ${message}`));
      response.on('end', () => {
        clearTimeout(timer);
        resolve(Buffer.concat(chunks).toString('utf8'));
      });
    });
    request.end();
  });
}
