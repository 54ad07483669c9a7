/** `locum fence check`. */
import { type Command, InvalidArgumentError } from 'commander';
import { globalsOf } from '../globals.ts';
import type { CheckOptions } from './check.ts';

function epochNumber(text: string): bigint {
  if (!/^\d{1,16}$/.test(text)) throw new InvalidArgumentError('use the epoch of an attempt, as LOCUM_EPOCH has it');
  return BigInt(text);
}

export function define(fence: Command): void {
  fence
    .command('check')
    .argument('<policy>', 'as LOCUM_POLICY has it')
    .argument('<epoch>', 'as LOCUM_EPOCH has it', epochNumber)
    .description('whether an epoch is still the newest attempt of its run, and not ended (exit code 5: it is not)')
    .option('--run <run>', 'of this run, as LOCUM_RUN has it')
    .action(async (policy: string, epoch: bigint, options: CheckOptions, command: Command) =>
      (await import('./check.ts')).check(globalsOf(command), policy, epoch, options),
    );
}
