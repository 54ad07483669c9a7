/** `locum login`, and its opposite. */
import type { Command } from 'commander';
import type { LoginOptions } from './login.ts';

export function define(login: Command): void {
  login
    .description('log in with an identity provider, by a browser on any machine; the context keeps the token')
    .argument('[context]', 'name of a context (default: the one that is used)')
    .option('--issuer <url>', 'the identity provider, as the controllers know it (default: that of the last login)')
    .option('--client-id <id>', 'what it calls this program (default: that of the last login)')
    .option('--scope <scope>', 'what is asked for (default: "openid profile email offline_access")')
    .option('--provider-ca-file <file>', 'authorities that stand for the provider (PEM)')
    .action(async (context: string | undefined, options: LoginOptions) =>
      (await import('./login.ts')).login(context, options),
    );
}
