/** `locum plan`. */
import type { Command } from 'commander';
import { globalsOf } from '../globals.ts';

/** `web-1,web-2`, each once. */
const nameList = (text: string): readonly string[] => [
  ...new Set(text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))),
];

export function define(plan: Command): void {
  plan
    .option('--server-lost <servers>', 'of these together, as in web-1,web-2 (default: each by itself)', nameList)
    .action(async ({ serverLost }: { serverLost?: readonly string[] }, command: Command) =>
      (await import('./plan.ts')).plan(globalsOf(command), serverLost ?? []),
    );
}
