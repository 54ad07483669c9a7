/** The version of Locum. A file of its own, which needs nothing: a keeper must stay small, and the parser of commands costs it 6 MiB. */
import { readFileSync } from 'node:fs';

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
