/** Records of the controller's core are written in one place: the door (docs/adr/0018-one-door.md). */
import type { SourceFile } from './source-file.ts';

/** The door itself, and what it is made of. */
const DOOR = new Set(
  ['change', 'dependants', 'links', 'turn', 'journal'].map((name) => `controller/core/cluster/${name}.ts`),
);

/** Who says who is behind what happens: the one place that sees the events come in. */
const ACTOR = 'controller/core/core.ts';

const BY_HAND = /\bjournal\??\.(?:put|delete|event)\b|\bas (?:unknown|object|Mutable)\b|\bObject\.assign\b/g;
const ACTOR_SET = /\bactor = /g;

/** What a file of the core does by hand that the door does, with the place. */
export function byHand(file: SourceFile): readonly { readonly at: number; readonly found: string }[] {
  if (!file.path.startsWith('controller/core/') || DOOR.has(file.path)) return [];
  const actor = file.path === ACTOR ? [] : [...file.code.matchAll(ACTOR_SET)];
  return [...file.code.matchAll(BY_HAND), ...actor].map((match) => ({ at: match.index, found: match[0].trim() }));
}
