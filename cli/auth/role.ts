/** `locum auth role list | set | delete`. */
import { createClient } from '@connectrpc/connect';
import {
  AccessService,
  ListRolesResponseSchema,
  type Role,
  SetRoleResponseSchema,
} from '../../shared/gen/locum/v1/access_service_pb.ts';
import { withTransport } from '../client/session.ts';
import { type DryRunOption, type Globals, isDryRun } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, printLine, tellDryRun } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';

export interface RoleOptions extends DryRunOption {
  readonly permission?: readonly string[];
  readonly runAs?: readonly string[];
}

const idOf = (name: string): string => name.slice(name.indexOf('/') + 1);
const nameOf = (id: string): string => (id.startsWith('roles/') ? id : `roles/${id}`);

const columns: readonly Column<Role>[] = [
  { head: 'ROLE', cell: ({ name }) => idOf(name) },
  { head: 'BUILT IN', cell: ({ builtIn }) => (builtIn ? 'yes' : '') },
  { head: 'RUNS AS', cell: ({ runAs }) => runAs.join(' ') },
  { head: 'PERMISSIONS', cell: ({ permissions }) => permissions.join(' ') },
];

export async function listRoles(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(AccessService, transport).listRoles({});
    await printAnswer(globals, ListRolesResponseSchema, answer, {
      table: ({ wide }) => new Table(columns, { wide }).render(answer.roles),
      names: () => answer.roles.map(({ name }) => name),
    });
  });
}

export async function setRole(globals: Globals, id: string, options: RoleOptions): Promise<void> {
  const { permission = [], runAs = [] } = options;
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const role = { name: nameOf(id), permissions: [...permission], runAs: [...runAs] };
    const answer = await createClient(AccessService, transport).setRole({ role, validateOnly });
    tellDryRun(validateOnly, '');
    await printAnswer(globals, SetRoleResponseSchema, answer, {
      table: ({ wide }) => new Table(columns, { wide }).render(answer.role === undefined ? [] : [answer.role]),
      names: () => [nameOf(id)],
    });
  });
}

export async function deleteRole(globals: Globals, id: string, { yes }: { readonly yes?: boolean }): Promise<void> {
  const name = nameOf(id);
  await confirm(`Delete ${name}?`, { yes });
  await withTransport(globals, async (transport) => {
    await createClient(AccessService, transport).deleteRole({ name });
    printLine(`${name} is deleted`);
  });
}
