/** `locum config …`. */
import { type Command, Option } from 'commander';
import { addAgentOptions, withTlsDir } from '../agent/command.ts';
import type { AgentOptions } from '../agent/flags.ts';
import { addControllerOptions } from '../controller/command.ts';
import type { ControllerOptions } from '../controller/flags.ts';
import { globalsOf } from '../globals.ts';
import type { PrintOptions } from './print.ts';

const EFFECTIVE = ['--effective', 'with the defaults of everything that is not set'] as const;

export function define(config: Command): void {
  const print = config.command('print').description('a configuration, each value with where it is from');
  addControllerOptions(print.command('controller'))
    .description('what "locum controller" with these flags, and in this environment, would run with')
    .option(...EFFECTIVE)
    .action(async (options: ControllerOptions & PrintOptions, command: Command) =>
      (await import('./print.ts')).printController(globalsOf(command), options),
    );
  addAgentOptions(print.command('agent'))
    .description('what "locum agent" with these flags, and in this environment, would run with')
    .option(...EFFECTIVE)
    .action(async (options: AgentOptions & PrintOptions, command: Command) =>
      (await import('./print.ts')).printAgent(globalsOf(command), withTlsDir(options, command)),
    );
  config
    .command('validate <file>')
    .description('check a configuration file: unknown fields, wrong values, files that are not there')
    .addOption(
      new Option('--for <program>', 'whose it is (default: told by its fields)').choices(['controller', 'agent']),
    )
    .action(async (file: string, options: { readonly for?: 'controller' | 'agent' }) =>
      (await import('./validate.ts')).validateFile(file, options.for),
    );
}
