/** `locum auth role list | set | delete`. */
import { createClient } from '@connectrpc/connect';
import {
  AccessService,
  ListRolesResponseSchema,
  type Role,
  SetRoleResponseSchema,
} from '../../shared/gen/locum/v1/access_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, printLine, tellDryRun } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { idOf } from '../output/words.ts';

export interface DeleteOptions extends DryRunOption {
  readonly yes?: boolean;
}

export interface RoleOptions extends DryRunOption {
  readonly permission?: readonly string[];
  readonly runAs?: readonly string[];
}

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
      table: (look) => new Table(columns, look).render(answer.roles),
      names: () => answer.roles.map(({ name }) => name),
    });
  });
}

export async function setRole(globals: Globals, id: string, options: RoleOptions): Promise<void> {
  const { permission = [], runAs = [] } = options;
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const role = { name: nameIn('roles', id), permissions: [...permission], runAs: [...runAs] };
    const answer = await createClient(AccessService, transport).setRole({ role, ...trialOf(options) });
    await printAnswer(globals, SetRoleResponseSchema, answer, {
      table: (look) => new Table(columns, look).render(answer.role === undefined ? [] : [answer.role]),
      names: () => [nameIn('roles', id)],
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}

export async function deleteRole(globals: Globals, id: string, options: DeleteOptions): Promise<void> {
  const name = nameIn('roles', id);
  const validateOnly = isDryRun(options);
  if (!validateOnly) await confirm(`Delete ${name}?`, options);
  await withTransport(globals, async (transport) => {
    const { planEtag } = await createClient(AccessService, transport).deleteRole({ name, ...trialOf(options) });
    printLine(`${name} ${validateOnly ? 'would be' : 'is'} deleted`);
    tellDryRun(validateOnly, planEtag);
  });
}
