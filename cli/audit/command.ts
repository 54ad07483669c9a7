/** `locum audit list|verify|export`. */
import type { Command } from 'commander';
import { addTableOptions, globalsOf, parseMoment, wholeNumber } from '../globals.ts';
import type { AuditExportOptions } from './export.ts';
import type { AuditListOptions } from './list.ts';
import type { VerifyOptions } from './verify.ts';

const MAX_ENTRIES = 100_000;

export function define(audit: Command): void {
  addTableOptions(audit.command('list'))
    .description('who did what, or was refused, oldest first')
    .option('--since <time>', 'not older than a span (1h, 168h) or a time (2026-11-27T08:00:00Z)', parseMoment)
    .option('--principal <who>', 'only of this one, such as operator:ann')
    .option('--method <name>', 'only of this method, such as StartPolicy')
    .option('--outcome <word>', 'only with this outcome: OK, or a reason of docs/errors.md')
    .option('--log <log>', 'only of this log: CHANGES or ACCESS')
    .option('-n, --limit <n>', 'at most this many of the newest', wholeNumber(0, MAX_ENTRIES), 50)
    .action(async (options: AuditListOptions, command: Command) =>
      (await import('./list.ts')).list(globalsOf(command), options),
    );
  audit
    .command('verify')
    .description('check that nothing was changed, taken out, put in or moved')
    .option('--file <file>', 'check this export instead of what the controllers have; "-" is standard input')
    .option('--live', 'with --file: check too that the controllers have the same, and nothing is missing in between')
    .action(async (options: VerifyOptions, command: Command) =>
      (await import('./verify.ts')).verify(globalsOf(command), options),
    );
  audit
    .command('export')
    .description('everything that is kept, as JSON lines')
    .option('--after-changes <number>', 'only entries of the log CHANGES after this one', wholeNumber(0), 0)
    .option('--after-access <number>', 'only entries of the log ACCESS after this one', wholeNumber(0), 0)
    .option('-f, --follow', 'go on with new entries')
    .action(async (options: AuditExportOptions, command: Command) =>
      (await import('./export.ts')).exportAudit(globalsOf(command), options),
    );
}
