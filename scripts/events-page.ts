/**
 * `node scripts/events-page.ts`: what docs/events.md says of every word, printed from the tables of the controller's core and from the
 * transcripts of test/scenarios, which have an example of each event; with `--write` it goes into the page. A test keeps the page equal.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEVIATION_REASONS } from '../controller/core/records/deviation-reason.ts';
import { CAUSES } from '../controller/core/records/event-cause.ts';
import { severityOf } from '../controller/core/records/event-severity.ts';
import { EVENT_SUBJECTS, EVENT_TYPES, eventTypeOf } from '../controller/core/records/event-type.ts';
import { GUARDED_EVENTS } from '../controller/core/records/guarded-event.ts';
import { RUN_REASONS, UNKNOWN_WORD } from '../controller/core/records/run-reason.ts';
import { REASONS_IN } from '../controller/core/records/run-state.ts';
import { refusedBy, START_REFUSALS } from '../shared/protocol/start-refusal.ts';

const SCENARIOS = join(import.meta.dirname, '../test/scenarios');
const EXAMPLE_CHARACTERS = 150;

/** An event as the transcripts have it. */
export interface TranscriptEvent {
  /** Name of the transcript. */
  readonly file: string;
  readonly type: string;
  readonly cause: string;
  readonly actor: string;
  readonly message: string;
}

/** All of them, by the names of the files, then in the order in which they happened. */
export function transcriptEvents(): readonly TranscriptEvent[] {
  const files = readdirSync(SCENARIOS).filter((name) => name.endsWith('.txt'));
  return files.sort().flatMap((file) => {
    const lines = readFileSync(join(SCENARIOS, file), 'utf8').matchAll(
      /^ +[\d.]+ log (?<type>\w+) \((?<cause>\w+), (?<actor>\S+)\): (?<message>.*)$/gm,
    );
    return [...lines].map(({ groups: { type = '', cause = '', actor = '', message = '' } = {} }) => {
      return { file, type, cause, actor, message };
    });
  });
}

const shown = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ');

function seenWith(type: string): string {
  const needed = GUARDED_EVENTS.get(eventTypeOf(type) ?? UNKNOWN_WORD);
  return needed === undefined ? '' : ` Seen with \`${needed.join('`, `')}\` only.`;
}

/** The parts of the page that are made. */
export function eventsPage(): string {
  const examples = transcriptEvents();
  const subjects = Object.entries(EVENT_SUBJECTS).map(([title, rows]) => {
    const types = Object.entries(rows);
    return [
      `### ${title}`,
      '',
      '| type | severity | what it means, and what follows | actor | causes |',
      '|---|---|---|---|---|',
      ...types.map(([type, { says, actors, causes }]) => {
        return `| \`${type}\` | ${severityOf(eventTypeOf(type) ?? UNKNOWN_WORD)} | ${says}${seenWith(type)} | ${actors.join(', ')} | ${causesShown(causes)} |`;
      }),
      '',
      '```text',
      ...types.map(([type]) => exampleOf(type, examples)),
      '```',
    ].join('\n');
  });
  return `${['## Events', ...subjects, causes(), reasons(), deviations(), refusals()].join('\n\n')}\n`;
}

/** More than a table can take are in one of their own. */
const causesShown = (causes: readonly string[]): string =>
  causes === REASONS_IN.QUEUED ? 'the [reasons](#reasons-of-runs) of QUEUED' : shown(causes);

/** @throws Error no transcript has one */
function exampleOf(type: string, events: readonly TranscriptEvent[]): string {
  const event = events.find((one) => one.type === type);
  if (event === undefined) throw new Error(`no transcript of test/scenarios has an event ${type}`);
  const line = `${type} ${event.cause} ${event.actor}: ${event.message}`;
  return line.length <= EXAMPLE_CHARACTERS ? line : `${line.slice(0, EXAMPLE_CHARACTERS - 1)}…`;
}

function causes(): string {
  const own = Object.entries(CAUSES).filter(([word]) => !Object.hasOwn(RUN_REASONS, word));
  return [
    '## Causes of events',
    '',
    'Where an event tells that a run is in a state, its cause is the reason of the run. The other causes:',
    '',
    '| cause | what it means | of |',
    '|---|---|---|',
    ...own.map(([word, says]) => `| \`${word}\` | ${says} | ${shown(typesCausedBy(word))} |`),
  ].join('\n');
}

const typesCausedBy = (word: string): readonly string[] =>
  Object.entries<{ readonly causes: readonly string[] }>(EVENT_TYPES)
    .filter(([, row]) => row.causes.some((cause) => cause === word))
    .map(([type]) => type);

function reasons(): string {
  return [
    '## Reasons of runs',
    '',
    '| reason | what it means, and what follows | in the state |',
    '|---|---|---|',
    ...Object.entries(RUN_REASONS).map(([word, says]) => `| \`${word}\` | ${says} | ${shown(statesWith(word))} |`),
  ].join('\n');
}

const statesWith = (word: string): readonly string[] =>
  Object.entries<readonly string[]>(REASONS_IN)
    .filter(([, words]) => words.some((one) => one === word))
    .map(([state]) => state);

function deviations(): string {
  return [
    '## Deviations',
    '',
    '`locum status` lists what is not where it should be. A run that waits is listed with its own reason; the others:',
    '',
    '| reason | of what, and what it means |',
    '|---|---|',
    ...Object.entries(DEVIATION_REASONS).map(([word, says]) => `| \`${word}\` | ${says} |`),
  ].join('\n');
}

function refusals(): string {
  return [
    '## Refused starts',
    '',
    'Why no process was made, as the agent, its keeper or the leader says it, or a problem of the host by its name (above). It begins the',
    'detail of the end that is told by `ATTEMPT_ENDED`; the end itself decides what follows.',
    '',
    '| word | what it means | the attempt ended as |',
    '|---|---|---|',
    ...Object.entries(START_REFUSALS).map(
      ([word, { says }]) => `| \`${word}\` | ${says} | \`${refusedBy(word).endCause}\` |`,
    ),
  ].join('\n');
}

const PAGE = join(import.meta.dirname, '../docs/events.md');
const BEGIN = '## Events\n';

/** The page: what is written by hand, and what is made. */
export function pageParts(): { readonly byHand: string; readonly made: string } {
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(BEGIN);
  return { byHand: page.slice(0, begin), made: page.slice(begin) };
}

if (import.meta.main) {
  if (process.argv.includes('--write')) writeFileSync(PAGE, pageParts().byHand + eventsPage());
  else console.log(eventsPage());
}
