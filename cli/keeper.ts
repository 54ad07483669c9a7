/** `locum keeper`: started by the agent, in a session of its own. */
import type { Command } from 'commander';
import { wholeNumber } from './globals.ts';
import type { KeeperOptions } from './keeper-start.ts';

export function define(keeper: Command): void {
  keeper
    .requiredOption('--state-dir <folder>', "the agent's state directory")
    .option('--stay', 'stay without an agent and with nothing to keep, as a service does')
    .option('--output-segment-bytes <n>', 'a segment of output is closed once it is this long', wholeNumber(1))
    .option('--output-segments <n>', 'segments of output kept for each attempt', wholeNumber(1))
    .option('--output-newest <n>', 'newest ended attempts of a policy that keep their output', wholeNumber(1))
    .option('--output-policy-bytes <n>', 'output kept of the ended attempts of a policy', wholeNumber(1))
    .option('--output-host-bytes <n>', 'output kept of all ended attempts', wholeNumber(1))
    .option('--output-age-ms <n>', 'output of ended attempts goes after this time', wholeNumber(1))
    .action(async (options: KeeperOptions) => {
      const { startKeeper } = await import('./keeper-start.ts');
      process.exitCode = await startKeeper(options);
    });
}
