/** Asks an identity provider for a small JSON document, within bounds of time and size, and at no other place than the one that was named. */
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

export interface JsonAnswer {
  readonly status: number;
  readonly json: unknown;
}

/** Rejects with an Error that says what went wrong. Redirects are not followed: they would lead to a place that nobody configured. */
export async function getJson(get: BoundedGet): Promise<unknown> {
  return (await answerTo(get, undefined)).json;
}

/** Posts a form; what the other end says no with is an answer, too. Rejects as `getJson` does. */
export const postForm = (post: BoundedGet, form: Readonly<Record<string, string>>): Promise<JsonAnswer> =>
  answerTo(post, new URLSearchParams(form).toString());

/** The same where what is answered says nothing but by its status: 200, or how it was refused. Rejects as `getJson` does. */
export const statusOfForm = async (post: BoundedGet, form: Readonly<Record<string, string>>): Promise<number> =>
  (await textOf(post, new URLSearchParams(form).toString())).status;

async function answerTo(asked: BoundedGet, form: string | undefined): Promise<JsonAnswer> {
  const { status, text } = await textOf(asked, form);
  try {
    return { status, json: JSON.parse(text) as unknown };
  } catch {
    throw new Error(`${asked.url.href} did not answer with JSON`);
  }
}

/** As OAuth 2.0 says no to a form. RFC 6749, section 5.2 */
const REFUSALS: ReadonlySet<number | undefined> = new Set([400, 401, 403]);

function textOf(
  { url, ca, timeoutMs, limitBytes }: BoundedGet,
  form: string | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestTls : requestPlain;
    const request = send(url, {
      agent: false,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        ...{ accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'locum' },
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
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
      const { statusCode: status = 0 } = response;
      if (status !== 200 && !(form !== undefined && REFUSALS.has(status)))
        return fail(`answered with status ${status}`);
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
        resolve({ status, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    request.end(form);
  });
}
