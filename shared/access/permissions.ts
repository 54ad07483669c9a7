/** All permissions, and the roles that are always there. Which method needs which is said in the protos (method-access.ts). Pure. */

/** What each is good for. docs/access.md is made from it. */
export const PERMISSIONS = {
  'pools.read': 'See pools and their orders.',
  'pools.write': 'Create, change and delete pools, with their timers.',
  'pools.order': 'Change the order of servers, and let takeovers go on that a mass failure holds back.',
  'servers.read': 'See servers and what they can do.',
  'servers.write': 'Change limits and labels of servers, and delete them.',
  'servers.operate': 'Cordon, drain and uncordon servers, and confirm that one is dead.',
  'policies.read': 'See policies, with their commands, and where they would be placed.',
  'policies.write': 'Create, change and delete policies. What they run as is a permission of its own.',
  'policies.run-as': 'Have a policy run programs, as those users of the host that the role names.',
  'policies.operate': 'Start, stop, restart, pause and resume policies.',
  'runs.read': 'See runs and their history.',
  'runs.operate': 'Move, stop and release runs.',
  'runs.output': 'Read what runs print.',
  'events.read': 'Read the event log.',
  'cluster.read': 'See the status, the controllers, and what a failure would do.',
  'cluster.debug': 'See how controllers are configured and how they run, without secrets.',
  'cluster.report': "Say how far a controller's copy of the store is. Of controllers only.",
  'cluster.operate': 'Hand the lead to another controller.',
  'snapshots.read': 'Save a copy of everything that is stored.',
  'audit.read': 'Read the audit.',
  'audit.record': 'Add to the audit what a controller noted. Of controllers only.',
  'enrolment.read': 'See join tokens, without what proves them, and the events about them.',
  'enrolment.write': 'Make and revoke join tokens, with which servers get certificates, and revoke certificates.',
  'authority.rotate': 'Change the certificate authority of the cluster for another one.',
  'access.read': 'See roles, tokens and users, without what proves them, and the events about them.',
  'access.write': 'Create, change and revoke roles, tokens and users.',
  'hooks.read': 'See who is told of events, and whether that works.',
  'hooks.operate': 'Send a test event to a webhook, and forget a hook that is not used any more.',
  'hooks.run': 'Run the program of a command hook on the controller, by a test event.',
  'fences.check': 'Ask whether an attempt may still act.',
  'metrics.read': 'Read the metrics.',
} as const satisfies Record<string, string>;

export type Permission = keyof typeof PERMISSIONS;

export const isPermission = (word: string): word is Permission => Object.hasOwn(PERMISSIONS, word);

export const ALL_PERMISSIONS: readonly Permission[] = Object.keys(PERMISSIONS).filter(isPermission);

/** The user of the host that the keeper runs as, for policies that name none: usually root. */
export const KEEPERS_OWN = '@keeper';
/** Any user of the host, the keeper's own included. */
export const ANY_USER = '*';

export interface AccessRole {
  readonly name: string;
  readonly permissions: readonly Permission[];
  /** Users of the host, KEEPERS_OWN or ANY_USER, as which a policy may run programs; without `policies.run-as` of no use. */
  readonly runAs: readonly string[];
}

/** Of controllers among themselves; no role that is given has it. */
const CONTROLLERS_ONLY: ReadonlySet<Permission> = new Set(['audit.record', 'cluster.report']);

const VIEWER: readonly Permission[] = [
  'pools.read',
  'servers.read',
  'policies.read',
  'runs.read',
  'events.read',
  'cluster.read',
  'hooks.read',
  'fences.check',
  'metrics.read',
];

const OPERATOR: readonly Permission[] = [
  ...VIEWER,
  'pools.order',
  'servers.operate',
  'policies.operate',
  'runs.operate',
  'runs.output',
  'cluster.operate',
  'hooks.operate',
];

/** Each may all that the one before it may. */
export const BUILT_IN_ROLES: readonly AccessRole[] = [
  { name: 'viewer', permissions: VIEWER, runAs: [] },
  { name: 'operator', permissions: OPERATOR, runAs: [] },
  {
    name: 'admin',
    permissions: ALL_PERMISSIONS.filter((permission) => !CONTROLLERS_ONLY.has(permission)),
    runAs: [ANY_USER],
  },
];

/** What controllers may do for themselves, beside passing calls on. */
export const CONTROLLER_ROLE: AccessRole = {
  name: 'controller',
  permissions: ['audit.record', 'audit.read', 'cluster.read', 'cluster.report'],
  runAs: [],
};

export const isGivable = (permission: Permission): boolean => !CONTROLLERS_ONLY.has(permission);
