/** `locum token create|list|revoke`: join tokens. */
import { type Command, Option } from 'commander';
import { addTableOptions, globalsOf, parseSpan } from '../globals.ts';
import type { CreateTokenOptions } from './create.ts';

const HOUR_MS = 3_600_000;

export function define(token: Command): void {
  token
    .command('create')
    .summary('make a token, and print the line that makes a host join with it')
    .description(
      'Makes a token that lets one server join, once. Prints the line to paste on its host; the token is shown only here.',
    )
    .option('--for <server>', 'the only server that it is for: server/web-1, or names of new ones: server/web-*')
    .option('--pool <pool>', 'the only pool that it is for')
    .addOption(
      new Option('--ttl <span>', 'how long it can be used (1m to 720h)').argParser(parseSpan).default(HOUR_MS, '1h'),
    )
    .action(async (options: CreateTokenOptions, command: Command) =>
      (await import('./create.ts')).createToken(globalsOf(command), options),
    );
  addTableOptions(token.command('list'))
    .description('join tokens: whom they are for, and what became of them')
    .action(async (_options: object, command: Command) => (await import('./list.ts')).listTokens(globalsOf(command)));
  token
    .command('revoke')
    .argument('<token...>', 'ids of tokens, the part in front of the dot')
    .description('take tokens back that were not used yet')
    .action(async (ids: string[], _options: object, command: Command) =>
      (await import('./revoke.ts')).revokeTokens(globalsOf(command), ids),
    );
}
