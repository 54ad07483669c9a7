/** `node scripts/access-tables.ts`: the tables of docs/access.md, from the protos and shared/access/permissions.ts. A test keeps the page equal to them. */
import { API_SERVICES } from '../controller/api/api-services.ts';
import { type MethodRule, ruleOf } from '../shared/access/method-access.ts';
import { ALL_PERMISSIONS, BUILT_IN_ROLES, PERMISSIONS } from '../shared/access/permissions.ts';

/** What each permission is good for, and which roles have it. */
export function permissionTable(): readonly string[] {
  return [
    `| permission | ${BUILT_IN_ROLES.map(({ name }) => name).join(' | ')} | what for |`,
    `|---|${BUILT_IN_ROLES.map(() => ':-:|').join('')}---|`,
    ...ALL_PERMISSIONS.map((permission) => {
      const has = BUILT_IN_ROLES.map(({ permissions }) => (permissions.includes(permission) ? 'x' : ''));
      return `| \`${permission}\` | ${has.join(' | ')} | ${PERMISSIONS[permission]} |`;
    }),
  ];
}

/** What each method needs. */
export function methodTable(): readonly string[] {
  return [
    '| method | permission | may be given for a part |',
    '|---|---|:-:|',
    ...API_SERVICES.flatMap(({ name, methods }) =>
      methods.map((method) => `| \`${name}/${method.name}\` | ${shown(ruleOf(method))} |`),
    ),
  ];
}

function shown(rule: MethodRule | undefined): string {
  switch (rule?.kind) {
    case undefined:
      return 'nobody may call it | ';
    case 'everybody':
      return 'none | ';
    case 'known':
      return 'any token or certificate | ';
    case 'permission':
      return `\`${rule.permission}\` | ${rule.reach === 'RESOURCES' ? 'yes' : ''}`;
  }
}

if (import.meta.main) for (const line of [...permissionTable(), '', ...methodTable()]) console.log(line);
