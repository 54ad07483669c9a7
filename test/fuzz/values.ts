/** Random messages by their descriptor, extremes first: what a careless or hostile peer would send. */
import { create, type DescField, type DescMessage, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { MIB } from '../../shared/limits.ts';
import type { Prng } from '../../shared/prng.ts';

const TEXTS = [
  '',
  'x',
  '*',
  '\0',
  'a\nb',
  '\u001b]52;c;eA==\u0007',
  '\u202e',
  '\ud800',
  '🙂'.repeat(64),
  'x'.repeat(64),
  'x'.repeat(4_097),
  'x'.repeat(40_000),
  '../..',
  '0 0 30 2 *',
  '*/1 * * * * *',
  'os = linux',
  'dotnet >= 99999999999999999999.0',
  '__proto__',
  'constructor',
];
const INTEGERS = [0, 1, -1, 50, 1_000, 100_001, 2 ** 31 - 1, -(2 ** 31)];
const COUNTERS = [0n, 1n, 2n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 253_402_300_799n, 253_402_300_800n, 2n ** 63n - 1n];
const SIGNED = [...COUNTERS, -1n, -62_135_596_801n, -(2n ** 63n)];
const FLOATS = [0, 100, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e38];
const MAX_DEPTH = 6;
/** Elements of long lists, and how many lists are long: messages have dozens of lists, and a long one costs as much as a hundred others. */
const MANY = [65, 257, 1_001, 10_001, 30_000];
const MANY_SHARE = 0.001;
/** Of one message, roughly: more than any listener takes. Without it, long lists of long lists are gigabytes, which no network would bring. */
const MOST_BYTES = 8 * MIB;
/** Of a value that is no text. */
const SMALL_BYTES = 8;

export class ValueSource {
  readonly #prng: Prng;
  /** Names that exist, or soon will. */
  readonly #names: () => readonly string[];
  /** Of the message that is being made. */
  #bytes = 0;

  constructor(prng: Prng, names: () => readonly string[]) {
    this.#prng = prng;
    this.#names = names;
  }

  /** Any message of this kind. */
  message<Desc extends DescMessage>(schema: Desc, depth = 0): MessageShape<Desc> {
    if (depth === 0) this.#bytes = 0;
    const message = create(schema);
    const fields = reflect(schema, message, false);
    for (const field of schema.fields) if (this.#prng.chance(depth === 0 ? 0.7 : 0.4)) this.#set(fields, field, depth);
    return message;
  }

  /** Changes a field or two, somewhere in a message that was right. */
  mutate<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): MessageShape<Desc> {
    this.#bytes = 0;
    for (let i = this.#prng.int(1, 2); i > 0; i -= 1) this.#change(reflect(schema, message, false), 0);
    return message;
  }

  #change(message: ReflectMessage, depth: number): void {
    const field = this.#prng.pick(message.fields);
    if (field === undefined) return;
    const inside = field.fieldKind === 'message' && message.isSet(field) && this.#prng.chance(0.8);
    if (inside) this.#change(message.get(field), depth + 1);
    else this.#set(message, field, depth);
  }

  #set(message: ReflectMessage, field: DescField, depth: number): void {
    switch (field.fieldKind) {
      case 'list': {
        const list = message.get(field);
        for (const element of this.#elements(field, depth)) list.add(element);
        return;
      }
      case 'map': {
        const map = message.get(field);
        const elements = this.#elements(field, depth);
        // A long one has as many keys; a short one has odd ones.
        for (const [i, element] of elements.entries()) map.set(elements.length > 3 ? `k${i}` : this.#text(), element);
        return;
      }
      case 'message':
        if (depth < MAX_DEPTH)
          message.set(field, reflect(field.message, this.message(field.message, depth + 1), false));
        return;
      case 'scalar':
      case 'enum':
        message.set(field, this.#element(field, depth));
    }
  }

  /** Mostly a few; sometimes as many as no rule allows, which repeat: whoever reads them does not know, and they are made in no time. */
  #elements(field: DescField, depth: number): readonly unknown[] {
    const several = (count: number) => Array.from({ length: count }, () => this.#element(field, depth));
    if (!this.#prng.chance(MANY_SHARE)) return several(this.#prng.int(0, 3));
    const before = this.#bytes;
    const some = several(8);
    const each = (this.#bytes - before) / some.length;
    const length = Math.floor(Math.min(this.#prng.pick(MANY) ?? 0, Math.max(0, MOST_BYTES - before) / each));
    this.#bytes = before + length * each;
    return Array.from({ length }, (_, i) => some[i % some.length]);
  }

  #element(field: DescField, depth: number): unknown {
    this.#bytes += SMALL_BYTES;
    if (field.message !== undefined) {
      const value = depth < MAX_DEPTH ? this.message(field.message, depth + 1) : create(field.message);
      return reflect(field.message, value, false);
    }
    if (field.enum !== undefined) return this.#prng.int(-1, field.enum.values.length);
    return this.#scalar(field.scalar ?? ScalarType.STRING);
  }

  #scalar(type: ScalarType): unknown {
    const pick = <T>(values: readonly T[]): T | undefined => this.#prng.pick(values);
    if (type === ScalarType.STRING) return this.#text();
    if (type === ScalarType.BOOL) return this.#prng.chance(0.5);
    if (type === ScalarType.BYTES) return this.#counted(new Uint8Array(this.#prng.pick([0, 1, 1_000, 70_000]) ?? 0));
    if (type === ScalarType.INT64) return pick(SIGNED);
    if (type === ScalarType.UINT64) return pick([...COUNTERS, 2n ** 64n - 1n]);
    if (type === ScalarType.FLOAT || type === ScalarType.DOUBLE) return pick(FLOATS);
    return pick(INTEGERS);
  }

  #text(): string {
    return this.#counted(this.#prng.pick(this.#prng.chance(0.5) ? this.#names() : TEXTS) ?? '');
  }

  #counted<Value extends { readonly length: number }>(value: Value): Value {
    this.#bytes += value.length;
    return value;
  }
}

/** Bytes of a message with a few of them changed, cut, doubled or moved. */
export function mutateBytes(prng: Prng, bytes: Uint8Array): Uint8Array {
  let changed = bytes;
  for (let n = prng.int(1, 3); n > 0; n -= 1) changed = mutateOnce(prng, changed);
  return changed;
}

function mutateOnce(prng: Prng, bytes: Uint8Array): Uint8Array {
  const at = prng.int(0, bytes.length);
  const end = Math.min(bytes.length, at + prng.int(1, 16));
  const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (prng.int(0, 4)) {
    case 0:
      return concat(before, after);
    case 1:
      return concat(before, middle, middle, after);
    case 2:
      return concat(
        before,
        middle.map(() => prng.pick([0, 0x7f, 0x80, 0xff, prng.int(0, 255)]) ?? 0),
        after,
      );
    case 3:
      return concat(before);
    default:
      return concat(
        before,
        Uint8Array.from({ length: prng.int(1, 12) }, () => prng.pick([0xff, prng.int(0, 255)]) ?? 0),
        middle,
        after,
      );
  }
}

const concat = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);
