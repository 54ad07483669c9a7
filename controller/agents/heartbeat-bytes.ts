/**
 * The two messages that make up nearly all traffic, by hand: a heartbeat with nothing new, and its grant. The general codec takes
 * five times as long for them, which is a good part of what a heartbeat costs. Anything else is left to it: `readHeartbeat` knows
 * exactly one form and answers undefined to every other.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

/** Tags: field number and wire type. */
const HEARTBEAT = (2 << 3) | 2; // ConnectRequest.heartbeat
const SEQUENCE = 1 << 3; // Heartbeat.sequence, Grant.sequence
const GENERATION = 2 << 3; // Heartbeat.generation, Grant.generation
const TERM = 1 << 3; // ConnectResponse.term
const GRANT = (3 << 3) | 2; // ConnectResponse.grant

/** A varint of this many bytes is below 2^49 and exact as a number. */
const MAX_VARINT_BYTES = 7;

export interface PlainHeartbeat {
  readonly sequence: number;
  readonly generation: number;
}

/** A ConnectRequest that is a heartbeat with two numbers; undefined for anything else. */
export function readHeartbeat(bytes: Uint8Array): PlainHeartbeat | undefined {
  const end = bytes.length;
  // Lengths below 128 take one byte.
  if (bytes[0] !== HEARTBEAT || end > 127 || bytes[1] !== end - 2) return undefined;
  let sequence = 0;
  let generation = 0;
  for (let at = 2; at < end; ) {
    const tag = bytes[at];
    if (tag !== SEQUENCE && tag !== GENERATION) return undefined;
    at += 1;
    let value = 0;
    let scale = 1;
    const last = Math.min(end, at + MAX_VARINT_BYTES);
    for (;;) {
      if (at >= last) return undefined;
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) break;
    }
    if (tag === SEQUENCE) sequence = value;
    else generation = value;
  }
  return { sequence, generation };
}

/** Ten bytes per varint, three of them, and five tags and lengths. */
const GRANT_LIMIT_BYTES = 40;

/** A ConnectResponse that is a grant. All three are counters below 2^53. */
export function grantBytes(term: number, sequence: number, generation: number): Buffer {
  const bytes = Buffer.allocUnsafe(GRANT_LIMIT_BYTES);
  let at = writeField(bytes, 0, TERM, term);
  bytes[at] = GRANT;
  const lengthAt = at + 1;
  const start = at + 2;
  at = writeField(bytes, start, SEQUENCE, sequence);
  at = writeField(bytes, at, GENERATION, generation);
  bytes[lengthAt] = at - start;
  return bytes.subarray(0, at);
}

/** A field that is 0 is left out, as proto3 does. Returns where to go on. */
function writeField(bytes: Buffer, from: number, tag: number, value: number): number {
  if (value === 0) return from;
  let at = from;
  bytes[at] = tag;
  at += 1;
  let rest = value;
  while (rest >= 128) {
    bytes[at] = (rest % 128) | 0x80;
    at += 1;
    rest = Math.floor(rest / 128);
  }
  bytes[at] = rest;
  return at + 1;
}
