/**
 * What a socket can be sent that is no right conversation: frames of HTTP/2 that are cut, too long, out of order or of no kind, messages of
 * gRPC that are shorter or longer than they say, requests of HTTP/1.1 that contradict themselves, streams that are never ended, and rubbish.
 * Sources: RFC 9113 (frames), RFC 7541 section 6.2.2 (headers without compression), https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import type { Prng } from '../../shared/prng.ts';
import type { FuzzRequest } from './request-source.ts';
import { mutateBytes } from './values.ts';

export interface Attack {
  /** Written one after the other, with turns of the event loop between them. */
  readonly chunks: readonly Uint8Array[];
  /** How the client goes: with an orderly end, a reset, or not at all. */
  readonly end: 'fin' | 'rst' | 'silence';
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;

/** A frame; `length` in its head may be a lie. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array, length = payload.length): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A text of HPACK: its length in 7 bits and more, and its bytes without Huffman. */
function hpackText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  return Buffer.concat([Buffer.from([127, (rest & 127) | 128, rest >> 7]), bytes]);
}

function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const fields = Object.entries(headers).flatMap(([name, value]) => [
    Buffer.from([0]),
    hpackText(name),
    hpackText(value),
  ]);
  return Buffer.concat(fields);
}

const headersOf = ({ path, contentType }: FuzzRequest): Readonly<Record<string, string>> => ({
  ':method': 'POST',
  ':scheme': 'http',
  ':path': path,
  ':authority': 'localhost',
  'content-type': contentType,
  te: 'trailers',
});

/** A frame of DATA takes 16 KiB. */
function dataFrames(stream: number, body: Uint8Array, isWhole: boolean): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length; at += 16_384) frames.push(frame(DATA, 0, stream, body.subarray(at, at + 16_384)));
  if (isWhole) frames.push(frame(DATA, END_STREAM, stream, Buffer.alloc(0)));
  return frames;
}

const opening = (): Buffer[] => [PREFACE, frame(SETTINGS, 0, 0, Buffer.alloc(0))];

function rightCall(request: FuzzRequest, isWhole = true): Buffer[] {
  const head = frame(HEADERS, END_HEADERS, 1, headerBlock(headersOf(request)));
  return [...opening(), head, ...dataFrames(1, request.body, isWhole)];
}

type Kind = (prng: Prng, request: FuzzRequest) => readonly Uint8Array[];

const fourBytes = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** One thing is wrong with each. */
const KINDS: readonly Kind[] = [
  // The message says another length than it has, or that it is compressed.
  (prng, request) => {
    const body = Buffer.from(request.body);
    if (body.length >= 5) body.writeUInt32BE(prng.pick([0, 1, body.length, 2 ** 24, 2 ** 32 - 1]) ?? 0, 1);
    if (body.length >= 5 && prng.chance(0.3)) body.writeUInt8(prng.int(1, 255), 0);
    return rightCall({ ...request, body });
  },
  // It ends in its middle, or is never ended.
  (prng, request) => {
    const body = request.body.subarray(0, prng.int(0, request.body.length));
    return rightCall({ ...request, body }, prng.chance(0.5));
  },
  // Frames with bytes changed, cut, doubled or moved; the preface stays, or nobody would look at the rest.
  (prng, request) => {
    const [preface, ...rest] = rightCall(request);
    return [preface ?? PREFACE, mutateBytes(prng, Buffer.concat(rest))];
  },
  // Frames in any order.
  (prng, request) => [PREFACE, ...prng.shuffle(rightCall(request).slice(1))],
  // Streams that are opened, and nothing more; more than may be.
  (prng, request) => {
    const block = headerBlock(headersOf(request));
    return [
      ...opening(),
      ...Array.from({ length: prng.pick([3, 99, 150]) ?? 1 }, (_, i) => frame(HEADERS, END_HEADERS, 2 * i + 1, block)),
    ];
  },
  // Opened and reset at once, again and again (CVE-2023-44487).
  (prng, request) => {
    const block = headerBlock(headersOf(request));
    const each = (stream: number): Buffer[] => [
      frame(HEADERS, END_HEADERS, stream, block),
      frame(RST_STREAM, 0, stream, fourBytes(prng.pick([0, 8, 2 ** 32 - 1]) ?? 0)),
    ];
    return [...opening(), Buffer.concat(Array.from({ length: 100 }, (_, i) => each(2 * i + 1)).flat())];
  },
  // Heads without an end (CVE-2024-27983).
  (prng, request) => {
    const first = frame(HEADERS, 0, 1, headerBlock(headersOf(request)));
    const more = headerBlock({ 'x-more': 'x'.repeat(prng.pick([10, 4_000, 16_000]) ?? 1) });
    return [...opening(), first, ...Array.from({ length: 20 }, () => frame(CONTINUATION, 0, 1, more))];
  },
  // Frames about the connection itself, with odd numbers and many of them.
  (prng, request) => {
    const odd = (): Buffer => {
      const stream = prng.pick([0, 1, 2, 2 ** 31 - 1]) ?? 0;
      const type = prng.pick([SETTINGS, PING, GOAWAY, WINDOW_UPDATE, RST_STREAM, prng.int(10, 255)]) ?? PING;
      const payload = Buffer.alloc(prng.pick([0, 4, 6, 8, 17]) ?? 0, prng.int(0, 255));
      return frame(type, prng.int(0, 255), stream, payload, prng.chance(0.1) ? 2 ** 24 - 1 : payload.length);
    };
    return [...rightCall(request, false), ...Array.from({ length: prng.int(1, 40) }, odd)];
  },
  // Pseudo-headers that are missing, doubled or wrong.
  (prng, request) => {
    const odd = {
      ...headersOf(request),
      ...prng.pick([{ ':path': '' }, { ':path': '*' }, { ':method': 'GET' }, { ':authority': '[' }]),
    };
    const block = prng.chance(0.3) ? Buffer.concat([headerBlock(odd), headerBlock(odd)]) : headerBlock(odd);
    return [...opening(), frame(HEADERS, END_HEADERS | END_STREAM, 1, block)];
  },
  http1,
  // No protocol at all: the first bytes of TLS, of others, and noise.
  (prng) => {
    const noise = Buffer.from(Array.from({ length: prng.int(1, 3_000) }, () => prng.int(0, 255)));
    return [
      Buffer.from(
        prng.pick(['\x16\x03\x01\x02\x00\x01', 'SSH-2.0-x\r\n', 'PRI', 'PRI * HTTP/2.0\r\n', '']) ?? '',
        'latin1',
      ),
      noise,
    ];
  },
];

/** Requests of HTTP/1.1 whose head and body contradict each other. */
function http1(prng: Prng, { path, contentType, body }: FuzzRequest): readonly Uint8Array[] {
  const odd = [
    `content-length: ${body.length}`,
    `content-length: ${body.length + prng.int(1, 1_000)}`,
    `content-length: ${Math.max(0, body.length - 1)}`,
    'content-length: -1',
    'transfer-encoding: chunked',
    `transfer-encoding: chunked\r\ncontent-length: ${body.length}`,
    'expect: 100-continue\r\ncontent-length: 10',
    'connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 0',
    `x-long: ${'x'.repeat(20_000)}`,
    'content-encoding: gzip\r\ntransfer-encoding: chunked',
    'host: [',
  ];
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${contentType}\r\n${prng.pick(odd)}\r\n\r\n`;
  const chunked = prng.chance(0.5)
    ? Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
    : body;
  return [prng.chance(0.3) ? mutateBytes(prng, Buffer.from(head)) : Buffer.from(head), chunked];
}

/** Everything of an attack stays below this: the sockets are for what is odd, not for what is large. */
const MAX_BODY_BYTES = 64 * 1024;

export function attackWith(prng: Prng, request: FuzzRequest): Attack {
  const kind = prng.pick(KINDS) ?? http1;
  const body = request.body.subarray(0, MAX_BODY_BYTES);
  return { chunks: kind(prng, { ...request, body }), end: prng.pick(['fin', 'rst', 'silence'] as const) ?? 'fin' };
}
