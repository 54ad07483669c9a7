/**
 * A sentence is for people. A program that looks into one decides otherwise on the day somebody words it better, so what decides is a
 * word or an enum (docs/adr/0017-words-are-strings.md).
 */
const LOOKS = 'startsWith|endsWith|includes|match|matchAll|search|indexOf|lastIndexOf';

/** What is called so, by itself or as the last part of a name: `message`, `lastMessage`. */
function called(nouns: readonly string[]): string {
  const capital = nouns.map((noun) => `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`);
  return `(?:(?<![\\w$])(?:${nouns.join('|')})|(?<=[a-z\\d])(?:${capital.join('|')}))(?![\\w$])`;
}

/** A look into one of them. Inside of literals the code of a `SourceFile` is blank. */
function looksInto(nouns: readonly string[]): RegExp {
  const name = called(nouns);
  return new RegExp(`${name}\\)?\\s*[?!]?\\.(?:${LOOKS})\\(|\\.(?:test|exec)\\([^()]*?${name}`, 'g');
}

/** In a core also what is just called a text. */
export const LOOKS_OF_CORES = looksInto(['message', 'detail', 'details', 'reason', 'text']);
export const LOOKS_OF_PROGRAMS = looksInto(['message', 'detail', 'details', 'reason']);

/** Libraries and systems whose errors have nothing but a text are read in one file each. */
export const READS_OTHERS: ReadonlySet<string> = new Set([
  // etcd: one gRPC code for errors that need different answers.
  'controller/store/etcd/fault.ts',
  // OpenSSL, through grpc-js: its codes are lost on the way.
  'agent/chain-problem.ts',
  // Connect: what it refuses by itself has a code and a text.
  'shared/rpc/library-errors.ts',
]);
