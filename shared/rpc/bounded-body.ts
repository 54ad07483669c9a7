/** The body of a call with one request, counted before Connect decodes it. */
import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import { assertByteStreamRequest, type UniversalServerRequest } from '@connectrpc/connect/protocol';
import { invalidField } from '../errors.ts';
import { checkBinary, checkJson } from './body-bounds.ts';
import { toConnectError } from './status-details.ts';

/** gRPC, gRPC-Web and streams of Connect put a flag and a length before each message. */
const ENVELOPE_BYTES = 5;
/** Of the flag. Nothing here takes compressed messages, and Connect tells those that no header announced as a defect of its own. */
const COMPRESSED = 1;
const ENVELOPED = /^application\/(grpc|connect\+)/;
const JSON_KIND = /^application\/(json|(grpc|grpc-web|connect)\+json)/;

/** A body that no decoder takes long for. It fails with INVALID_FIELD; one that is too long as a whole is left to Connect to refuse. */
export async function* boundedBody(
  request: UniversalServerRequest,
  { input }: DescMethod,
  requestLimitBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  assertByteStreamRequest(request);
  const kind = (request.header.get('content-type') ?? '').toLowerCase();
  const limitBytes = requestLimitBytes + ENVELOPE_BYTES;
  const whole = new GrowingBytes();
  for await (const chunk of request.body) {
    whole.add(chunk);
    if (whole.size > limitBytes) break;
  }
  // Who went away while it came wants nothing done any more.
  request.signal.throwIfAborted();
  const { bytes } = whole;
  if (bytes.length <= limitBytes) {
    for (const message of ENVELOPED.test(kind) ? enveloped(bytes) : [bytes]) check(message, input, kind);
  }
  yield bytes;
}

/** What came, in one piece: a body that comes byte by byte would take a hundred times its size as a list. */
class GrowingBytes {
  #room = Buffer.alloc(0);
  size = 0;

  get bytes(): Buffer {
    return this.#room.subarray(0, this.size);
  }

  add(chunk: Uint8Array): void {
    const size = this.size + chunk.length;
    if (size > this.#room.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#room.length));
      larger.set(this.bytes);
      this.#room = larger;
    }
    this.#room.set(chunk, this.size);
    this.size = size;
  }
}

/** @throws ConnectError INVALID_FIELD */
function check(message: Uint8Array, schema: DescMessage, kind: string): void {
  try {
    if (JSON_KIND.test(kind)) checkJson(message);
    else checkBinary(schema, message);
  } catch (error) {
    throw toConnectError(error);
  }
}

/** The messages in their envelopes; there should be one. What is cut off is left to Connect to refuse. @throws ConnectError INVALID_FIELD */
function* enveloped(bytes: Buffer): Generator<Uint8Array> {
  for (let at = 0; at + ENVELOPE_BYTES <= bytes.length; ) {
    const flag = bytes.readUInt8(at);
    if ((flag & COMPRESSED) !== 0) throw toConnectError(invalidField('', 'the message is compressed, and must not be'));
    const from = at + ENVELOPE_BYTES;
    at = from + bytes.readUInt32BE(at + 1);
    yield bytes.subarray(from, at);
  }
}
