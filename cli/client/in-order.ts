/** Many calls of one kind: some are under way at the same time, and what they answer comes in the order in which they were asked. */

/** A leader commits what comes together in one go, so that many are not much slower than one. */
const AT_ONCE = 16;

/**
 * After a failure nothing more is asked; what was under way is waited for, its answers before the failure are given, and those behind it are not.
 *
 * @throws what `ask` throws first, in the order of the items
 */
export async function* answersInOrder<T, A>(
  items: readonly T[],
  ask: (item: T, index: number) => Promise<A>,
  atOnce = AT_ONCE,
): AsyncGenerator<{ readonly item: T; readonly answer: A }> {
  const underWay: { readonly item: T; readonly answer: Promise<A> }[] = [];
  let [next, failed] = [0, false];
  const fill = (): void => {
    for (; next < items.length && underWay.length < atOnce && !failed; next += 1) {
      const item = items[next] as T;
      const answer = ask(item, next);
      answer.catch(() => {
        failed = true;
      });
      underWay.push({ item, answer });
    }
  };
  try {
    for (fill(); underWay.length > 0; fill()) {
      const first = underWay.shift();
      if (first !== undefined) yield { item: first.item, answer: await first.answer };
    }
  } finally {
    await Promise.allSettled(underWay.map(({ answer }) => answer));
  }
}
