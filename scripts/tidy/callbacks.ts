/**
 * Who owns a part hands in one port with named methods, not a function for each thing that may happen (docs/adr/0020-one-dialect.md): the
 * methods stand together, with their order and their words, and a test double is one object.
 */
import type { SourceFile } from './source-file.ts';

/** Those that stay, and why. */
const KEPT: ReadonlyMap<string, string> = new Map([
  ['controller/agents/agent-listener.ts:onConnect', "grpc-js's form of a handler"],
  ['shared/rpc/connect-handler.ts:onDefect', 'the only one that anybody listens to there'],
  ['shared/rpc/single-port-listener.ts:onDefect', 'handed on to the handler'],
  ['sdk/typescript/follow-events.ts:onGap', 'users of an SDK look for such names'],
  ['sdk/typescript/follow-events.ts:onRestored', 'as onGap'],
  ['sdk/typescript/resume.ts:onBroken', 'as onGap'],
]);

const STORED = /\breadonly (on[A-Z]\w*)\??: \(/g;
const OPTIONS = /\binterface (\w+Options)\b[^{]*\{([\s\S]*?)\n\}/g;
const TELLER = /\breadonly (\w+)\??: \(?\([^\n]*\) => void\b/g;

/** What a file stores to be called back, with the place; and what is allowed to it without need. */
export function callbacks(file: SourceFile): readonly { readonly at: number; readonly problem: string }[] {
  const kept = [...KEPT.keys()].filter((key) => key.startsWith(`${file.path}:`));
  const isKept = (name: string): boolean => kept.includes(`${file.path}:${name}`);
  const stored = [...file.code.matchAll(STORED)];
  const byName = stored
    .filter(([, name = '']) => !isKept(name))
    .map(({ index, 1: name }) => ({ at: index, problem: `${name}: a method of the port that the owner hands in` }));
  const many = [...file.code.matchAll(OPTIONS)].flatMap(({ index, 1: options, 2: body = '' }) => {
    const tellers = [...body.matchAll(TELLER)].flatMap(([, name = '']) => (isKept(name) ? [] : [name]));
    const problem = `${options} stores ${tellers.join(' and ')}: methods of one port that the owner hands in`;
    return tellers.length > 1 ? [{ at: index, problem }] : [];
  });
  const stale = kept
    .filter((key) => !stored.some(([, name]) => key === `${file.path}:${name}`))
    .map((key) => ({ at: 0, problem: `${key} is not there any more: take it out of scripts/tidy/callbacks.ts` }));
  return [...byName, ...many, ...stale];
}
