/** Counts the words that searches read: what a placement costs, without a clock. */
export interface Cost {
  words: number;
}

/**
 * A set of ranks as bits, with two levels of summary: a bit of `level1` says that a word of `level0` has a bit set, a
 * bit of `level2` the same of `level1`. So a search passes 32,768 ranks that are not in the set in one step.
 * Ranks count from 0 here.
 */
export class RankSet {
  level0: Int32Array;
  level1: Int32Array;
  level2: Int32Array;

  /** Room for at least `capacity` ranks. */
  constructor(capacity: number) {
    const words = Math.max(1, Math.ceil(capacity / 32));
    this.level0 = new Int32Array(words);
    this.level1 = new Int32Array(Math.ceil(words / 32));
    this.level2 = new Int32Array(Math.ceil(words / 1024));
  }

  has(rank: number): boolean {
    return ((this.level0[rank >>> 5] ?? 0) & (1 << (rank & 31))) !== 0;
  }

  add(rank: number): void {
    const word = rank >>> 5;
    this.level0[word] = (this.level0[word] ?? 0) | (1 << (rank & 31));
    this.level1[word >>> 5] = (this.level1[word >>> 5] ?? 0) | (1 << (word & 31));
    this.level2[word >>> 10] = (this.level2[word >>> 10] ?? 0) | (1 << ((word >>> 5) & 31));
  }

  delete(rank: number): void {
    const word = rank >>> 5;
    const left = (this.level0[word] ?? 0) & ~(1 << (rank & 31));
    this.level0[word] = left;
    if (left !== 0) return;
    const leftWords = (this.level1[word >>> 5] ?? 0) & ~(1 << (word & 31));
    this.level1[word >>> 5] = leftWords;
    if (leftWords === 0) this.level2[word >>> 10] = (this.level2[word >>> 10] ?? 0) & ~(1 << ((word >>> 5) & 31));
  }

  /** Makes room for more ranks. */
  grow(capacity: number): void {
    const larger = new RankSet(capacity);
    if (larger.level0.length <= this.level0.length) return;
    larger.level0.set(this.level0);
    larger.level1.set(this.level1);
    larger.level2.set(this.level2);
    this.level0 = larger.level0;
    this.level1 = larger.level1;
    this.level2 = larger.level2;
  }
}

/** The bits of word `word` that all sets have. */
export function commonBits(sets: readonly RankSet[], word: number): number {
  let bits = -1;
  for (const set of sets) bits &= set.level0[word] ?? 0;
  return bits;
}

/** The first word at or after `from` in which all sets have a bit in common; -1 if there is none. */
export function firstCommonWord(sets: readonly RankSet[], from: number, cost: Cost): number {
  const length = sets[0]?.level2.length ?? 0;
  for (let top = from >>> 10; top < length; top++) {
    let middles = commonAt(sets, 2, top) & notBefore(from >>> 5, top);
    cost.words += 1;
    for (; middles !== 0; middles &= middles - 1) {
      const middle = (top << 5) | lowestBit(middles);
      let words = commonAt(sets, 1, middle) & notBefore(from, middle);
      cost.words += 1;
      for (; words !== 0; words &= words - 1) {
        const word = (middle << 5) | lowestBit(words);
        cost.words += 1;
        if (commonBits(sets, word) !== 0) return word;
      }
    }
  }
  return -1;
}

/** Index, 0–31, of the lowest bit that is set. */
export function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function commonAt(sets: readonly RankSet[], level: 1 | 2, index: number): number {
  let bits = -1;
  if (level === 1) for (const set of sets) bits &= set.level1[index] ?? 0;
  else for (const set of sets) bits &= set.level2[index] ?? 0;
  return bits;
}

/** Masks out, in the summary word `group` (not before that of `from`), what lies before `from`. */
function notBefore(from: number, group: number): number {
  return from >>> 5 === group ? -1 << (from & 31) : -1;
}
