/** `locum logout`. */
import type { Command } from 'commander';

export function define(logout: Command): void {
  logout
    .description('forget the token of a login, and have the provider take it back')
    .argument('[context]', 'name of a context (default: the one that is used)')
    .action(async (context: string | undefined) => (await import('./login.ts')).logout(context));
}
