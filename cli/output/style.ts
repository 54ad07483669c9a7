/** Colour for people at a terminal; nothing when piped, and nothing with NO_COLOR. */
import { styleText } from 'node:util';
import { manner } from './manner.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'strong';

const formats = {
  good: 'green',
  warn: 'yellow',
  bad: 'red',
  dim: 'gray',
  strong: 'bold',
} as const;

/** `stream` decides whether there is colour. Default: standard output. */
export function styled(tone: Tone | undefined, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return tone === undefined || !manner.color ? text : styleText(formats[tone], text, { stream });
}

const tones: Readonly<Record<string, Tone>> = {
  ALIVE: 'good',
  RUNNING: 'good',
  SUCCEEDED: 'good',
  SUSPECT: 'warn',
  QUEUED: 'warn',
  FENCING: 'warn',
  BACKOFF: 'warn',
  STOPPING: 'warn',
  CORDONED: 'warn',
  DRAINING: 'warn',
  SATURATED: 'warn',
  PROBATION: 'warn',
  QUARANTINED: 'warn',
  MISSING: 'bad',
  STUCK: 'bad',
  FAILED: 'bad',
  LEFT: 'dim',
  STOPPED: 'dim',
};

/** The tone of a state's name. */
export const toneOf = (state: string): Tone | undefined => tones[state];
