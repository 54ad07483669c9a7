/**
 * A promise on the time of a world: what waits for it goes on when the present step is over, before anything else happens. A promise of
 * JavaScript would go on in a microtask, of which no world knows when all are done.
 */
import type { EventQueue } from './event-queue.ts';

type Settled<T> = { readonly kind: 'kept'; readonly value: T } | { readonly kind: 'broken'; readonly error: unknown };

export class Answer<T> implements Promise<T> {
  readonly [Symbol.toStringTag] = 'Answer';
  readonly #queue: Pick<EventQueue, 'next'>;
  #settled: Settled<T> | undefined;
  #waiting: ((settled: Settled<T>) => void)[] = [];

  constructor(queue: Pick<EventQueue, 'next'>) {
    this.#queue = queue;
  }

  keep(value: T): void {
    this.#settle({ kind: 'kept', value });
  }

  break(error: unknown): void {
    this.#settle({ kind: 'broken', error });
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  then<A = T, B = never>(
    onKept?: ((value: T) => A | PromiseLike<A>) | null,
    onBroken?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Answer<A | B> {
    const result = new Answer<A | B>(this.#queue);
    this.#whenSettled((settled) => {
      try {
        // Without `onKept`, A is T: the types of promises can't say so.
        if (settled.kind === 'kept')
          result.#follow((onKept ? onKept(settled.value) : settled.value) as A | PromiseLike<A>);
        else if (onBroken) result.#follow(onBroken(settled.error));
        else result.break(settled.error);
      } catch (error) {
        result.break(error);
      }
    });
    return result;
  }

  catch<B = never>(onBroken?: ((error: unknown) => B | PromiseLike<B>) | null): Answer<T | B> {
    return this.then(undefined, onBroken);
  }

  finally(onSettled?: (() => void) | null): Answer<T> {
    return this.then(
      (value) => {
        onSettled?.();
        return value;
      },
      (error) => {
        onSettled?.();
        throw error;
      },
    );
  }

  #whenSettled(act: (settled: Settled<T>) => void): void {
    const settled = this.#settled;
    if (settled === undefined) this.#waiting.push(act);
    else this.#queue.next(() => act(settled));
  }

  #settle(settled: Settled<T>): void {
    if (this.#settled !== undefined) return;
    this.#settled = settled;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#queue.next(() => {
      for (const act of waiting) act(settled);
      // As Node ends a process that does not wait for a promise which is broken.
      if (settled.kind === 'broken' && waiting.length === 0) throw settled.error;
    });
  }

  #follow(value: T | PromiseLike<T>): void {
    if (isThenable(value)) {
      value.then(
        (kept) => this.keep(kept),
        (error: unknown) => this.break(error),
      );
    } else this.keep(value);
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
