/** Looking things up in a list that ascends. */

/** Index of the first item whose number is greater than `number`, by halving; the length of the list when there is none. */
export function firstPast<T>(items: readonly T[], number: number, numberOf: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && numberOf(item) <= number) low = middle + 1;
    else high = middle;
  }
  return low;
}
