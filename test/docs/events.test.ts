/** docs/events.md, the tables that it is printed from, and the transcripts: none has a word that the others do not have. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEVIATION_REASONS } from '../../controller/core/records/deviation-reason.ts';
import { CAUSES } from '../../controller/core/records/event-cause.ts';
import { EVENT_TYPES } from '../../controller/core/records/event-type.ts';
import { RUN_REASONS } from '../../controller/core/records/run-reason.ts';
import { REASONS_IN } from '../../controller/core/records/run-state.ts';
import { eventsPage, pageParts, transcriptEvents } from '../../scripts/events-page.ts';
import { isHostProblemKind } from '../../shared/host-problem.ts';
import { refusedBy, START_REFUSALS } from '../../shared/protocol/start-refusal.ts';

const root = join(import.meta.dirname, '../..');
const rowOf: ReadonlyMap<string, { readonly actors: readonly string[]; readonly causes: readonly string[] }> = new Map(
  Object.entries(EVENT_TYPES),
);
const reasonsIn: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(REASONS_IN));

const distinct = (lines: readonly string[]): string[] => [...new Set(lines)].sort();

/** Lines of all transcripts that have the form. */
function inTranscripts(form: RegExp): Record<string, string>[] {
  const folder = join(root, 'test/scenarios');
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  return texts.flatMap((text) => [...text.matchAll(form)].map(({ groups }) => groups ?? {}));
}

describe('docs/events.md', () => {
  it('ends with what the tables and the transcripts say', () => {
    expect(pageParts().made, 'npx node scripts/events-page.ts --write mends it').toBe(eventsPage());
  });
});

describe('the tables of words', () => {
  it('have each event of the transcripts, with its cause and its actor', () => {
    const unknown = transcriptEvents().filter(({ type, cause, actor }) => {
      const row = rowOf.get(type);
      return row === undefined || !row.causes.includes(cause) || !row.actors.includes(actor.split(':')[0] ?? '');
    });
    expect(distinct(unknown.map(({ file, type, cause, actor }) => `${file}: ${type} (${cause}, ${actor})`))).toEqual(
      [],
    );
  });

  it('have each reason in the state in which a run of the transcripts shows it', () => {
    const states = [...reasonsIn.keys()].join('|');
    const shown = inTranscripts(
      new RegExp(`^ +[\\d.]+ [a-z0-9-]+ (?<state>${states})(?: on \\S+)?.*? \\((?<reason>[A-Z_]+)\\):`, 'gm'),
    );
    expect(shown.length).toBeGreaterThan(100);
    const unknown = shown.filter(({ state = '', reason = '' }) => reasonsIn.get(state)?.includes(reason) !== true);
    expect(unknown).toEqual([]);
  });

  it('have each deviation of the transcripts', () => {
    const shown = inTranscripts(/^ +[\d.]+ (?:cluster|[a-z]+\/[\w-]+) (?<reason>[A-Z_]+)(?: for [\d.]+ s)?: /gm);
    expect(shown.length).toBeGreaterThan(10);
    const known = { ...DEVIATION_REASONS, ...RUN_REASONS };
    expect(shown.filter(({ reason = '' }) => !Object.hasOwn(known, reason))).toEqual([]);
  });

  it('have each refusal of the transcripts, or it is a problem of the host, and its outcome', () => {
    const answers = inTranscripts(/ -> answer: (?<outcome>[A-Z_]+) (?<word>[A-Z_]+)$/gm);
    expect(answers.length).toBeGreaterThan(10);
    const isKnown = (word: string): boolean => Object.hasOwn(START_REFUSALS, word) || isHostProblemKind(word);
    const wrong = answers.filter(({ outcome, word = '' }) => !isKnown(word) || refusedBy(word).outcome !== outcome);
    expect(wrong).toEqual([]);
  });

  it('have no word that the controller never says', () => {
    const said = saidBy(['controller']);
    const words = distinct(
      [EVENT_TYPES, CAUSES, RUN_REASONS, DEVIATION_REASONS].flatMap((table) => Object.keys(table)),
    );
    // It is no word of the controller's own.
    expect(words.filter((word) => !said(word))).toEqual(['UNKNOWN_WORD']);
  });

  it('have no refusal of a start that no program says', () => {
    const said = saidBy(['agent', 'keeper', 'controller']);
    expect(Object.keys(START_REFUSALS).filter((word) => !said(word))).toEqual([]);
  });

  it('have no cause that no event has, and no reason that no state has', () => {
    const used = new Set([...rowOf.values()].flatMap(({ causes }) => causes).concat([...reasonsIn.values()].flat()));
    expect(Object.keys(CAUSES).filter((word) => !used.has(word))).toEqual(['UNKNOWN_WORD']);
  });

  it('explain each word in a sentence of its own', () => {
    const events = Object.values(EVENT_TYPES).map(({ says }) => says);
    const refusals = Object.values(START_REFUSALS).map(({ says }) => says);
    for (const sentences of [events, Object.values(CAUSES), Object.values(DEVIATION_REASONS), refusals]) {
      expect(new Set(sentences).size).toBe(sentences.length);
      expect(sentences.filter((sentence) => !/^[A-Z`].*\.$/.test(sentence))).toEqual([]);
    }
  });
});

/** Whether a word stands in the code beside the tables: as a literal, or as one after a prefix that is put before it (`RUN_${…}`). */
function saidBy(programs: readonly string[]): (word: string) => boolean {
  const isTable = (path: string): boolean => path.startsWith('controller/core/records/');
  const paths = programs.flatMap((program) =>
    readdirSync(join(root, program), { recursive: true, encoding: 'utf8' }).map((path) => `${program}/${path}`),
  );
  const code = paths
    .filter((path) => path.endsWith('.ts') && !isTable(path))
    // Problems of hosts, and the words of the stream, have one list for all programs.
    .concat('shared/host-problem.ts', 'shared/codec/agent-message.ts')
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n');
  const literals = new Set([...code.matchAll(/'([A-Z][A-Z_]+)'/g)].map(([, word]) => word));
  const prefixes = distinct([...code.matchAll(/`([A-Z]+_)\$\{/g)].map(([, prefix = '']) => prefix));
  return (word) =>
    literals.has(word) || prefixes.some((prefix) => word.startsWith(prefix) && literals.has(word.slice(prefix.length)));
}
