/** Options of the programs that log. */
import { type Command, Option } from 'commander';

export interface LogFlags {
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat?: 'pretty' | 'json';
}

export function addLogOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--log-level <level>', 'least important lines to log (default: info)').choices([
        'debug',
        'info',
        'warn',
        'error',
      ]),
    )
    .addOption(
      new Option('--log-format <form>', 'default: pretty on a terminal, else JSON').choices(['pretty', 'json']),
    );
}
