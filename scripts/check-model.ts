/**
 * `npm run model`: searches the formal model of leases and fencing (docs/model/) to the end, then takes one rule after the other away
 * and looks for the counterexample that must be there. Takes some minutes and 2 GB of memory.
 *
 *   npm run model                        everything, as the table in docs/model/README.md
 *   npm run model -- --small             the size that `npm test` uses
 *   npm run model -- --without C3_TAKEN  the shortest way to a violation without that rule, step by step
 */
import {
  counterexample,
  findTools,
  needsExtensions,
  type Question,
  rules,
  search,
  type Tools,
} from './model-checker.ts';
import { parseUsage } from './usage.ts';

const USAGE = `
npm run model -- [options]: searches the formal model of leases and fencing to the end (docs/model/)
  --small         the size that npm test uses
  --without RULE  the shortest way to a violation without that rule, step by step`;

const { values } = parseUsage(USAGE, {
  options: { small: { type: 'boolean', default: false }, without: { type: 'string' } },
});
const size: Question['size'] = values.small ? 'small' : 'full';
const tools = findTools();
if ('missing' in tools) {
  console.log(`skipped: ${tools.missing}`);
  console.log('0 passed, 0 failed, 1 skipped');
} else if (values.without === undefined) checkAll(tools);
else showTrace(tools, values.without);

function checkAll(found: Tools): void {
  console.log(`${found.versions}\n`);
  console.log('| without | caught by | states | seconds |\n|---|---|--:|--:|');
  let [passed, failed, skipped] = [0, 0, 0];
  const row = (what: string, question: Question, expected: string | undefined): void => {
    const { violated, states, seconds } = search(found, question);
    if (violated === expected) passed += 1;
    else failed += 1;
    const verdict = violated ?? (expected === undefined ? 'nothing: it holds' : 'NOTHING');
    console.log(`| ${what} | ${verdict} | ${states.toLocaleString('en')} | ${seconds.toFixed(1)} |`);
  };
  row('(all rules)', { size }, undefined);
  row('(all rules; short leases, three attempts)', { size: 'attempts' }, undefined);
  row('(all rules; short leases, two messages under way)', { size: 'messages' }, undefined);
  for (const [without, what, ...caughtBy] of rules) {
    if (size === 'small' && needsExtensions.has(without)) {
      console.log(`| \`${without}\` ${what} | not in the small size: no lease is extended | – | – |`);
      skipped += 1;
      continue;
    }
    for (const only of caughtBy) row(`\`${without}\` ${what}`, { size, without, only }, only);
  }
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

function showTrace(found: Tools, without: string): void {
  if (!rules.some(([rule]) => rule === without)) {
    console.error(`there is no rule ${without}: ${rules.map(([rule]) => rule).join(', ')}`);
    process.exitCode = 1;
    return;
  }
  const steps = counterexample(found, { size, without, only: 'I1' });
  for (const step of steps) console.log(step);
  console.log(
    steps.length === 0 ? 'no short way to two living trees was found' : 'violated: I1, two trees of the run live',
  );
}
