/** What a configuration that was read again changes: what can be taken over while the program runs, and what needs a restart. */
import { deepEqual } from '../deep-equal.ts';

export interface Reload {
  /** Fields, as files have them, that have another value and were taken over. */
  readonly changed: readonly string[];
  /** …that have another value and stay as they are until the next start. */
  readonly needsRestart: readonly string[];
}

/** `live`: keys of settings that can change while it runs. */
export function reloadOf<T extends object>(running: T, next: T, live: readonly (keyof T & string)[]): Reload {
  const keys = [...new Set([...Object.keys(running), ...Object.keys(next)])].sort();
  const others = keys.filter((key) => !deepEqual(Reflect.get(running, key), Reflect.get(next, key)));
  const isLive = (key: string): boolean => live.some((one) => one === key);
  return {
    changed: others.filter(isLive).map(fieldOf),
    needsRestart: others.filter((key) => !isLive(key)).map(fieldOf),
  };
}

const fieldOf = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** For the log. */
export function reloadText({ changed, needsRestart }: Reload): string {
  const done =
    changed.length === 0 ? 'nothing that can change while this runs is another' : `taken over: ${changed.join(', ')}`;
  const later = needsRestart.length === 0 ? '' : `; another value after the next restart: ${needsRestart.join(', ')}`;
  return `the configuration was read again; ${done}${later}`;
}
