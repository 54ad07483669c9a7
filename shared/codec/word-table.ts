/**
 * Total tables between the core's words and other values: numbers of proto enums, or texts. The compiler sees to it that no word
 * is left out; what has no word here is answered with `undefined`, never guessed.
 */
export interface WordTable<Word extends string, Value extends string | number> {
  readonly to: Readonly<Record<Word, Value>>;
  readonly from: ReadonlyMap<Value, Word>;
}

/** `to` gives each word a value of its own. */
export function wordTable<Word extends string, Value extends string | number>(
  to: Readonly<Record<Word, Value>>,
): WordTable<Word, Value> {
  const from = new Map<Value, Word>();
  // The keys of a Record<Word, …> are words; Object.keys only knows that they are strings.
  for (const word of Object.keys(to) as Word[]) from.set(to[word], word);
  return { to, from };
}

/** A table for words that stand for themselves in stored text. */
export function wordSet<Word extends string>(words: Readonly<Record<Word, true>>): WordTable<Word, string> {
  const own = (word: string): readonly [string, string] => [word, word];
  return wordTable(Object.fromEntries(Object.keys(words).map(own)) as Record<Word, string>);
}
