/**
 * A session at the command line as text: each command, what it printed, and how it ended. What differs from run to run is masked;
 * columns are not aligned any more then, so runs of blanks become two (alignment has tests of its own).
 */
import type { Ended } from './locum-command.ts';

const MASKS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, '<time>'],
  [/\b\d{4}-\d{2}-\d{2}\b/g, '<date>'],
  [/\b\d{2}:\d{2}:\d{2}\.\d{3}\b/g, '<clock>'],
  [/\boperator:\S+/g, 'operator:<user>'],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>'],
  [/\b[0-9a-f]{32}\b/g, '<id>'],
  [/127\.0\.0\.1:\d+/g, '<address>'],
  [/^(<clock> {2,})(?:-|\+\S+) {2,}\d+/gm, '$1<after>  <number>'],
  [/^events\/\d+$/gm, 'events/<number>'],
  // The number of an event: what the agents say of their hosts comes when it comes.
  [/(<clock> {2,})\d+(?= {2,})/g, '$1<number>'],
  // The name of a controller that was given none.
  [/(leader:\s+)\S+ at/g, '$1<controller> at'],
  [/(?:\/tmp|\/dev\/shm\/[\w.-]+)\/[\w.-]+/g, '<folder>'],
  [/(etag"?:\s+)\S+?(,?)$/gm, '$1<etag>$2'],
  [/--if-plan [0-9a-f]{16}\b/g, '--if-plan <plan>'],
  [/\b\d+s ago/g, '<age> ago'],
  [/\(\d+s\)/g, '(<age>)'],
  [/((?:RUNNING|QUEUED|STOPPING|SUCCEEDED|STOPPED)\s+\S+\s+\d+\s+)\d+s/g, '$1<age>'],
  // Of a deviation: for how long.
  [/^(\w+\/\S+ +[A-Z_]+ +)\d+s/gm, '$1<age>'],
  // Process ids, times in milliseconds.
  [/(?<![\w.:<-])\d{3,}(?:\.\d+)?(?![\w.])/g, '<n>'],
  [/Node \d[\d.]*/g, 'Node <version>'],
];

export function masked(text: string): string {
  const plain = MASKS.reduce((so, [pattern, mask]) => so.replaceAll(pattern, mask), text);
  return plain
    .split('\n')
    .map((line) => line.replaceAll(/(?<=\S) {2,}/g, '  ').trimEnd())
    .join('\n');
}

export interface Step {
  readonly words: readonly string[];
  readonly ended: Ended;
}

const shellWord = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`);

export function transcriptOf(steps: readonly Step[]): string {
  return steps
    .map(({ words, ended: { code, stdout, stderr } }) => {
      const errors = stderr.trimEnd();
      const marked = errors === '' ? '' : errors.replaceAll(/^/gm, '! ');
      const parts = [`$ locum ${words.map(shellWord).join(' ')}`, stdout.trimEnd(), marked];
      const text = masked(parts.filter((part) => part !== '').join('\n'));
      return code === 0 ? text : `${text}\nexit ${code}`;
    })
    .join('\n\n')
    .concat('\n');
}
