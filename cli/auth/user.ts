/** `locum auth user list | set | delete`. */
import { createClient } from '@connectrpc/connect';
import {
  AccessService,
  ListUsersResponseSchema,
  SetUserResponseSchema,
  type User,
} from '../../shared/gen/locum/v1/access_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, printLine, tellDryRun } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { idOf, moment } from '../output/words.ts';
import { grantFrom, grantTexts } from './grants.ts';
import type { DeleteOptions } from './role.ts';
import type { GrantOptions } from './token.ts';

const columns: readonly Column<User>[] = [
  { head: 'USER', cell: ({ name }) => idOf(name) },
  { head: 'ROLES', cell: ({ roles }) => grantTexts(roles) },
  { head: 'SINCE', cell: ({ updateTime }) => moment(updateTime) },
];

export async function listUsers(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(AccessService, transport).listUsers({});
    const { users } = answer;
    await printAnswer(globals, ListUsersResponseSchema, answer, {
      table: (look) => (users.length === 0 ? 'No users.' : new Table(columns, look).render(users)),
      names: () => users.map(({ name }) => name),
    });
  });
}

export async function setUser(globals: Globals, id: string, options: GrantOptions): Promise<void> {
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const user = { name: nameIn('users', id), roles: options.role.map(grantFrom) };
    const answer = await createClient(AccessService, transport).setUser({ user, ...trialOf(options) });
    await printAnswer(globals, SetUserResponseSchema, answer, {
      table: (look) => new Table(columns, look).render(answer.user === undefined ? [] : [answer.user]),
      names: () => [nameIn('users', id)],
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}

export async function deleteUser(globals: Globals, id: string, options: DeleteOptions): Promise<void> {
  const name = nameIn('users', id);
  const validateOnly = isDryRun(options);
  if (!validateOnly) await confirm(`Take all roles from ${name}?`, options);
  await withTransport(globals, async (transport) => {
    const { planEtag } = await createClient(AccessService, transport).deleteUser({ name, ...trialOf(options) });
    printLine(`${name} ${validateOnly ? 'would have' : 'has'} no roles any more`);
    tellDryRun(validateOnly, planEtag);
  });
}
