/** `locum auth`: who one is, and who may do what. */
import type { Command } from 'commander';
import { addDryRun, addTableOptions, type DryRunOption, globalsOf, parseSpan, YES } from '../globals.ts';
import type { CanIOptions } from './ask.ts';
import type { DeleteOptions, RoleOptions } from './role.ts';
import type { GrantOptions, TokenOptions } from './token.ts';

const ROLE = ['--role <role…>', 'as in operator, operator@edge,core or viewer:team=payments; may be repeated'] as const;

const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

export function define(auth: Command): void {
  auth
    .command('whoami')
    .description('who you are for the controllers, and what you were given')
    .action(async (_: object, command: Command) => (await import('./ask.ts')).whoAmI(globalsOf(command)));
  auth
    .command('can-i <permission> [resource]')
    .description('whether you may do something; exit code 1 if not')
    .option('--run-as <user>', 'of policies.run-as: the user of the host (default: the one that the keeper runs as)')
    .action(async (permission: string, resource: string | undefined, options: CanIOptions, command: Command) =>
      (await import('./ask.ts')).canI(globalsOf(command), { ...options, permission, resource: resource ?? '' }),
    );
  defineTokens(auth.command('token').description('tokens of people and programs: create, list, revoke'));
  defineRoles(auth.command('role').description('roles: list, set, delete'));
  defineUsers(auth.command('user').description('roles of those who show a certificate: list, set, delete'));
}

function defineTokens(token: Command): void {
  addDryRun(token.command('create <holder>'))
    .description('make a token and print it, this once')
    .requiredOption(...ROLE, several)
    .option('--ttl <span>', 'how long it is valid (default: 2160h, which is 90 days)', parseSpan)
    .action(async (holder: string, options: TokenOptions, command: Command) =>
      (await import('./token.ts')).createToken(globalsOf(command), holder, options),
    );
  addTableOptions(token.command('list'))
    .description('all that are valid, newest first')
    .action(async (_: object, command: Command) => (await import('./token.ts')).listTokens(globalsOf(command)));
  addDryRun(token.command('revoke <token...>'))
    .description('refuse it from now on, and end what it opened')
    .action(async (tokens: readonly string[], options: DryRunOption, command: Command) =>
      (await import('./token.ts')).revokeTokens(globalsOf(command), tokens, options),
    );
}

function defineRoles(role: Command): void {
  addTableOptions(role.command('list'))
    .description('roles and their permissions')
    .action(async (_: object, command: Command) => (await import('./role.ts')).listRoles(globalsOf(command)));
  addDryRun(role.command('set <role>'))
    .description('create a role, or replace what it gives')
    .option('--permission <permission>', 'as in policies.read; docs/access.md has them all; may be repeated', several)
    .option('--run-as <user>', 'user of the host, "@keeper" or "*", with policies.run-as; may be repeated', several)
    .action(async (name: string, options: RoleOptions, command: Command) =>
      (await import('./role.ts')).setRole(globalsOf(command), name, options),
    );
  addDryRun(role.command('delete <role>'))
    .description('delete a role that nobody has')
    .option(...YES)
    .action(async (name: string, options: DeleteOptions, command: Command) =>
      (await import('./role.ts')).deleteRole(globalsOf(command), name, options),
    );
}

function defineUsers(user: Command): void {
  addTableOptions(user.command('list'))
    .description('who was given what')
    .action(async (_: object, command: Command) => (await import('./user.ts')).listUsers(globalsOf(command)));
  addDryRun(user.command('set <user>'))
    .description('give roles, in place of those that he has')
    .requiredOption(...ROLE, several)
    .action(async (name: string, options: GrantOptions, command: Command) =>
      (await import('./user.ts')).setUser(globalsOf(command), name, options),
    );
  addDryRun(user.command('delete <user>'))
    .description('take all roles')
    .option(...YES)
    .action(async (name: string, options: DeleteOptions, command: Command) =>
      (await import('./user.ts')).deleteUser(globalsOf(command), name, options),
    );
}
