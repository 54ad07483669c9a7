/**
 * Counts what a message holds before it is decoded: a body of 2 MiB can hold a million empty texts, and each costs its reader a
 * hundred times as much as its writer. The count reads tags and lengths only, or the punctuation of JSON, and stops at the bound.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { type FieldViolation, invalidFields } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** What a field that is known holds: a message, numbers that may be packed, a number with its wire type, or something with a length. */
type Inside =
  | { readonly kind: 'message'; readonly schema: DescMessage }
  | { readonly kind: 'packed'; readonly width: number }
  | { readonly kind: 'number'; readonly wireType: number }
  | { readonly kind: 'length' };

const plans = new WeakMap<DescMessage, ReadonlyMap<number, Inside>>();

/** Widths of packed numbers; 0: as many bytes as the number needs. */
const WIDTHS: ReadonlyMap<ScalarType, number> = new Map([
  [ScalarType.DOUBLE, 8],
  [ScalarType.FIXED64, 8],
  [ScalarType.SFIXED64, 8],
  [ScalarType.FLOAT, 4],
  [ScalarType.FIXED32, 4],
  [ScalarType.SFIXED32, 4],
]);

function planOf(schema: DescMessage): ReadonlyMap<number, Inside> {
  const known = plans.get(schema);
  if (known !== undefined) return known;
  const plan = new Map(schema.fields.map((field) => [field.number, insideOf(field)]));
  plans.set(schema, plan);
  return plan;
}

function insideOf(field: DescField): Inside {
  // An entry of a map is a message of a key and a value, and counts as one value.
  if (field.fieldKind === 'map') return { kind: 'length' };
  if (field.message !== undefined) return { kind: 'message', schema: field.message };
  const scalar = field.scalar ?? ScalarType.INT32;
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return { kind: 'length' };
  const width = WIDTHS.get(scalar) ?? 0;
  if (field.fieldKind === 'list') return { kind: 'packed', width };
  return { kind: 'number', wireType: width === 8 ? 1 : width === 4 ? 5 : 0 };
}

/** A decoder reads a field by what it should be, so what follows a wrong wire type is read as something else than is counted here. */
const isMisread = (inside: Inside | undefined, wireType: number): boolean => {
  const isWireType = wireType === 0 || wireType === 1 || wireType === 2 || wireType === 5;
  if (inside === undefined || inside.kind === 'packed' || !isWireType) return false;
  return wireType !== (inside.kind === 'number' ? inside.wireType : 2);
};

const misread = (): FieldViolation => ({
  field: '',
  description: 'a field of the message has a wire type that is not its own',
});

const tooMany = (): FieldViolation => ({
  field: '',
  description: `the message has more than ${LIMITS.requestValues} values`,
});

const tooDeep = (): FieldViolation => ({
  field: '',
  description: `the message has more than ${LIMITS.requestLevels} levels`,
});

/** A group: a form of proto1 that none of our messages has, and that decoders walk by recursion. */
const group = (): FieldViolation => ({ field: '', description: 'the message has a group, which no message here does' });

/**
 * Bytes that are no message pass: the decoder says what is wrong with them.
 * @throws LocumError INVALID_FIELD
 */
export function checkBinary(schema: DescMessage, bytes: Uint8Array): void {
  const problem = new WireCount(bytes).of(schema, 0, bytes.length, 1);
  if (problem !== undefined) throw invalidFields([problem]);
}

class WireCount {
  readonly #bytes: Uint8Array;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  of(schema: DescMessage, from: number, end: number, level: number): FieldViolation | undefined {
    if (level > LIMITS.requestLevels) return tooDeep();
    const plan = planOf(schema);
    this.#at = from;
    while (this.#at < end) {
      this.#values += 1;
      if (this.#values > LIMITS.requestValues) return tooMany();
      const tag = this.#varint(end);
      const wireType = tag & 7;
      if (wireType === 3) return group();
      const inside = plan.get(tag >>> 3);
      if (isMisread(inside, wireType)) return misread();
      if (wireType === 0) this.#varint(end);
      else if (wireType === 1) this.#at += 8;
      else if (wireType === 5) this.#at += 4;
      else if (wireType === 2) {
        const problem = this.#inside(inside, end, level);
        if (problem !== undefined) return problem;
      } else return undefined;
    }
    return undefined;
  }

  #inside(inside: Inside | undefined, end: number, level: number): FieldViolation | undefined {
    const length = this.#varint(end);
    const from = this.#at;
    const behind = from + length;
    if (behind > end) {
      this.#at = end;
      return undefined;
    }
    let problem: FieldViolation | undefined;
    if (inside?.kind === 'message') problem = this.of(inside.schema, from, behind, level + 1);
    else if (inside?.kind === 'packed') problem = this.#packed(inside.width, from, behind);
    this.#at = behind;
    return problem;
  }

  #packed(width: number, from: number, behind: number): FieldViolation | undefined {
    // A number of any length ends with a byte below 128.
    if (width > 0) this.#values += Math.floor((behind - from) / width);
    else for (let at = from; at < behind; at += 1) if ((this.#bytes[at] ?? 0) < 0x80) this.#values += 1;
    return this.#values > LIMITS.requestValues ? tooMany() : undefined;
  }

  /** Exact below 2^31, which is all that tags and lengths can be; past the end: 0, and nothing is left. */
  #varint(end: number): number {
    let value = 0;
    for (let shift = 0; this.#at < end; shift += 7) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      if (shift < 28) value |= (byte & 0x7f) << shift;
      else if (shift === 28) value = (value >>> 0) + (byte & 0x0f) * 2 ** 28;
      if (byte < 0x80) return value;
      if (shift > 63) break;
    }
    this.#at = end;
    return 0;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENS: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSES: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** The same for JSON, whose values stand behind commas and opening brackets. @throws LocumError INVALID_FIELD */
export function checkJson(bytes: Uint8Array): void {
  let values = 1;
  let level = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfText(bytes, at);
    } else if (byte === COMMA || OPENS.has(byte)) {
      values += 1;
      if (values > LIMITS.requestValues) throw invalidFields([tooMany()]);
      if (byte !== COMMA) level += 1;
      if (level > LIMITS.requestLevels) throw invalidFields([tooDeep()]);
    } else if (CLOSES.has(byte)) {
      level -= 1;
    }
  }
}

/** Where the quote is that ends the text beginning here. */
function endOfText(bytes: Uint8Array, from: number): number {
  for (let at = from + 1; at < bytes.length; at += 1) {
    if (bytes[at] === BACKSLASH) at += 1;
    else if (bytes[at] === QUOTE) return at;
  }
  return bytes.length;
}
