/** How a failure is told at the end of a run, where it is still seen when only the end of a long output is kept. `.ci/run` reads these lines. */
import { stripVTControlCharacters } from 'node:util';

/** Of what was said about one failure. */
const KEPT_LINES = 16;
const KEPT_CHARACTERS = 200;

/** `failed: ` and the name, then the first lines of what was said, each indented by four. */
export function failureLines(name: string, said: string): readonly string[] {
  const lines = stripVTControlCharacters(said)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, KEPT_LINES);
  return [`failed: ${name}`, ...lines.map((line) => `    ${line.trimEnd().slice(0, KEPT_CHARACTERS)}`)];
}
