/**
 * Whether docs/demo.md shows what the demo prints: `node scripts/compare-demo.ts OUTPUT`, where OUTPUT is a file with what `npm run demo`
 * printed. Figures may differ, and a busy machine may have more to tell; a line of the page that was not printed is stale.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textBlocks, unprintedLines } from './demo-page.ts';

const [file] = process.argv.slice(2);
if (file === undefined || file === '--help') {
  console.log('node scripts/compare-demo.ts OUTPUT: is all that docs/demo.md shows in this output of "npm run demo"?');
  process.exit(file === undefined ? 1 : 0);
}
const page = readFileSync(join(import.meta.dirname, '../docs/demo.md'), 'utf8');
const stale = textBlocks(page).flatMap((block) => unprintedLines(block, readFileSync(file, 'utf8')));
for (const line of stale) console.log(`docs/demo.md shows what the demo did not print: ${line.trim()}`);
console.log(stale.length === 0 ? 'docs/demo.md shows what the demo prints' : `${stale.length} stale lines`);
process.exitCode = stale.length === 0 ? 0 : 1;
