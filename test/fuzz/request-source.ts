/** Requests to every method, in every protocol: examples that are right with something changed, or anything at all. */
import { type DescMethod, fromBinary, fromJson, toBinary, toJsonString } from '@bufbuild/protobuf';
import type { Prng } from '../../shared/prng.ts';
import { examples, methodNamed, nameOf, services } from '../e2e/every-method.ts';
import { oddJson } from './odd-json.ts';
import { mutateBytes, type ValueSource } from './values.ts';

export interface FuzzRequest {
  readonly path: string;
  readonly contentType: string;
  /** With the flag and the length in front of it, where the protocol wants them. */
  readonly body: Uint8Array;
}

const KINDS = [
  'application/json',
  'application/proto',
  'application/grpc',
  'application/grpc-web+proto',
  'application/grpc+json',
];
/** The request is empty and the answer is everything that there is: asked for as often as the others, it would be all that is done. */
const COSTLY = 'ClusterService/SaveSnapshot';
const COSTLY_SHARE = 0.02;

export class RequestSource {
  readonly #prng: Prng;
  readonly #values: ValueSource;
  /** Words that no request may have: those of the healthy ones. */
  readonly #spared: readonly string[];
  readonly #methods: readonly DescMethod[] = services.flatMap(({ methods }) => methods);
  readonly #examples: ReadonlyMap<DescMethod, Uint8Array>;

  constructor(prng: Prng, values: ValueSource, spared: readonly string[]) {
    this.#prng = prng;
    this.#values = values;
    this.#spared = spared;
    this.#examples = new Map(
      examples({ id: 'fuzz', run: 'policies-1' }).map(({ method, request }) => {
        const found = methodNamed(method);
        return [found, toBinary(found.input, fromJson(found.input, request as never))];
      }),
    );
  }

  next(): FuzzRequest {
    const method = this.#method();
    const kind = this.#prng.pick(KINDS) ?? '';
    const contentType = streamed(kind, method);
    return {
      path: `/${method.parent.typeName}/${method.name}`,
      contentType,
      body: /grpc|connect\+/.test(contentType) ? enveloped(this.#body(method, kind)) : this.#body(method, kind),
    };
  }

  #method(): DescMethod {
    for (;;) {
      const method = this.#prng.pick(this.#methods);
      if (method !== undefined && (nameOf(method) !== COSTLY || this.#prng.chance(COSTLY_SHARE))) return method;
    }
  }

  #body(method: DescMethod, kind: string): Uint8Array {
    const { input } = method;
    const example = this.#prng.chance(0.7) ? this.#examples.get(method) : undefined;
    const message =
      example === undefined ? this.#values.message(input) : this.#values.mutate(input, fromBinary(input, example));
    let bytes: Uint8Array;
    if (kind.endsWith('json')) {
      let text = '{}';
      try {
        text = toJsonString(input, message);
      } catch {
        // Values that JSON can't say: an odd time, an odd mask. They are sent in bytes.
      }
      bytes = Buffer.from(this.#prng.chance(0.3) ? oddJson(this.#prng, text) : text);
    } else {
      bytes = toBinary(input, message);
    }
    if (this.#prng.chance(0.3)) bytes = mutateBytes(this.#prng, bytes);
    // What would be a rightful order to the healthy ones is none of a fuzzer's.
    const searched = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#spared.some((word) => searched.includes(word)) ? new Uint8Array() : bytes;
  }
}

/** Streams of Connect have content types of their own. */
function streamed(kind: string, { methodKind }: DescMethod): string {
  return methodKind === 'unary' ? kind : kind.replace(/^application\/(json|proto)$/, 'application/connect+$1');
}

/** Behind a flag and a length. */
export function enveloped(message: Uint8Array): Uint8Array {
  const whole = Buffer.alloc(5 + message.length);
  whole.writeUInt32BE(message.length, 1);
  whole.set(message, 5);
  return whole;
}
