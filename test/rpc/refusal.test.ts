import { connect, constants, createServer, type Http2Server, type IncomingHttpHeaders } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { LocumError } from '../../shared/errors.ts';
import { sendRefusal } from '../../shared/rpc/refusal.ts';

let server: Http2Server | undefined;
afterEach(async () => {
  const closing = server;
  server = undefined;
  if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
});

/** The head of the answer, and whether it ends the stream. */
async function refusedAs(
  contentType: string,
  message = 'nobody knows who calls',
): Promise<{ readonly headers: IncomingHttpHeaders; readonly ends: boolean }> {
  const made = createServer((request, response) => {
    sendRefusal(request, response, new LocumError('UNAUTHENTICATED', message), 401);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const address = made.address();
  const client = connect(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
  try {
    const stream = client.request({ ':method': 'POST', ':path': '/x', 'content-type': contentType });
    stream.end();
    stream.resume();
    return await new Promise((resolve, reject) => {
      stream.on('error', reject);
      stream.on('response', (headers, flags) =>
        resolve({ headers, ends: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0 }),
      );
    });
  } finally {
    client.destroy();
  }
}

describe('a refusal before any handler', () => {
  it.each(['application/grpc', 'application/json'])(
    'of %s is an answer also with what has no UTF-8 in it',
    async (type) => {
      const { headers } = await refusedAs(type, 'not signed by \ud800');
      expect(headers[':status']).toBe(type === 'application/grpc' ? 200 : 401);
    },
  );

  it.each(['application/grpc', 'application/grpc+proto'])(
    'to %s is headers that end the stream, since grpc-go reads no status out of others',
    async (contentType) => {
      const { headers, ends } = await refusedAs(contentType);
      expect({ ends, status: headers['grpc-status'], http: headers[':status'] }).toEqual({
        ends: true,
        status: '16',
        http: 200,
      });
      expect(decodeURIComponent(String(headers['grpc-message']))).toBe('nobody knows who calls');
    },
  );

  it('to JSON has a body', async () => {
    const { headers, ends } = await refusedAs('application/json');
    expect({ ends, http: headers[':status'] }).toEqual({ ends: false, http: 401 });
  });
});
