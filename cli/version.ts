/** `locum version`. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { globalsOf } from './globals.ts';

/** From package.json, which stands one folder above this one, or two above the compiled one. */
export function locumVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version }: { name?: unknown; version?: unknown } = JSON.parse(
        readFileSync(new URL(path, import.meta.url), 'utf8'),
      );
      if (name === 'locum' && typeof version === 'string') return version;
    } catch {
      // The other place has it.
    }
  }
  return 'unknown';
}

export function define(version: Command): void {
  version.action((_options: object, command: Command) => {
    const { output } = globalsOf(command);
    const facts = { locum: locumVersion(), node: process.versions.node };
    const text = output === 'json' ? JSON.stringify(facts) : `locum ${facts.locum} (Node ${facts.node})`;
    process.stdout.write(`${text}\n`);
  });
}
