/**
 * `npm run demo`: the story of failover, with real processes on this machine. Exits with 1 if any step did not happen as
 * promised; whatever happens, no process is left behind. `--real-timers` takes the defaults (45 s) instead of a tenth of them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseUsage } from '../scripts/usage.ts';
import { takeoverPicture } from './picture.ts';
import { Stage } from './stage.ts';
import { play } from './story.ts';

const USAGE = `
npm run demo -- [options]: the story of failover, with real processes on this machine
  --real-timers   the default timers (45 s) instead of a tenth of them
  --keep          keep logs and data
  --picture FILE  draw the takeover as SVG`;

const { values } = parseUsage(USAGE, {
  options: {
    'real-timers': { type: 'boolean', default: false },
    keep: { type: 'boolean' },
    picture: { type: 'string' },
  },
});

const dataDir = mkdtempSync(join(tmpdir(), 'locum-demo-'));
const stage = await Stage.open({ dataDir, realTimers: values['real-timers'] });
const { timeline, cluster } = stage;

/** Once, whether the story ended, broke, or was interrupted. */
let ending: Promise<void> | undefined;
function end(): Promise<void> {
  ending ??= (async () => {
    const killed = await cluster.stop();
    timeline.act('The end');
    timeline.promise('no process is left behind', killed.length === 0, killed.map(({ command }) => command).join('; '));
  })();
  return ending;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    console.log(`\n${signal}: cleaning up`);
    void end().then(() => process.exit(1));
  });
}

/** `npm run demo | head`: nobody reads on, and nothing may be left behind. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => void end().then(() => process.exit(1)));
}

let failure: string | undefined;
try {
  const scene = await play(stage, { realTimers: values['real-timers'] });
  if (values.picture !== undefined) writeFileSync(values.picture, takeoverPicture(scene));
} catch (error) {
  failure =
    error instanceof Error
      ? error.name === 'StoryBroken'
        ? error.message
        : (error.stack ?? error.message)
      : String(error);
}
await end();

const { kept, broken } = timeline;
for (const text of broken) console.log(`not kept: ${text}`);
if (failure !== undefined) console.log(`the story broke off: ${failure}`);
const isGood = failure === undefined && broken.length === 0;
if (isGood && values.keep !== true) rmSync(dataDir, { recursive: true, force: true });
else console.log(`logs and data: ${dataDir}`);
console.log(`\n${kept} promises kept, ${broken.length + (failure === undefined ? 0 : 1)} not kept`);
process.exitCode = isGood ? 0 : 1;
