/**
 * A small seeded generator (xoshiro128**, seeded by splitmix32): same seed, same numbers, on any machine. For jitter, simulation
 * and tests; never for secrets.
 * Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018 (https://prng.di.unimi.it).
 */

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** Spreads a seed over all bits, so that seeds 1 and 2 give unrelated numbers. */
function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}

export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** `seed` is any safe integer; all its 53 bits count. */
  constructor(seed: number) {
    const low = splitmix32(seed >>> 0);
    const high = splitmix32(Math.floor(seed / 2 ** 32) ^ 0x6c6f6375);
    this.#a = low();
    // The first numbers come from this word alone: both halves of the seed must be in it.
    this.#b = low() ^ high();
    this.#c = high();
    // The all-zero state would give zeros for ever.
    this.#d = (low() ^ high()) | 1;
  }

  /** An integer from 0 to 2^32 - 1. */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** A number from 0 up to, not including, 1. */
  float(): number {
    return (this.uint32() * 2 ** 21 + (this.uint32() >>> 11)) / 2 ** 53;
  }

  /** An integer from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.float() * (high - low + 1));
  }

  /** True in this share of the calls: 0 never, 1 always. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One of the items; undefined only when there is none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.int(0, items.length - 1)];
  }

  /** A copy in random order. */
  shuffle<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: this.float() }));
    return keyed.sort((x, y) => x.key - y.key).map(({ item }) => item);
  }

  /** A generator of its own, so that one part of a program can draw more without changing what another part gets. */
  fork(): Prng {
    return new Prng(this.uint32() * 2 ** 21 + (this.uint32() >>> 11));
  }
}
