/** `locum version`. */
import type { Command } from 'commander';
import { globalsOf } from './globals.ts';
import { locumVersion } from './locum-version.ts';

export function define(version: Command): void {
  version.action((_options: object, command: Command) => {
    const { output } = globalsOf(command);
    const facts = { locum: locumVersion(), node: process.versions.node };
    const text = output === 'json' ? JSON.stringify(facts) : `locum ${facts.locum} (Node ${facts.node})`;
    process.stdout.write(`${text}\n`);
  });
}
