/**
 * The first words of the command line. Each noun's file is read only when the line has it, and each action's code only when it
 * runs: `locum --help` and completion start in less than twice the time of Node alone.
 */
import type { Command } from 'commander';

export interface Noun {
  readonly name: string;
  readonly summary: string;
  /** Under this heading in the help. Undefined: not shown. */
  readonly group: string | undefined;
  /** Its commands ask the controllers, as all do that look and change. */
  readonly asks?: true;
  readonly load: () => Promise<{ readonly define: (command: Command) => void }>;
}

const LOOK = 'Look and change:';
const RUN = 'Run a part of Locum:';
const OTHER = 'Other:';

/** Whether its commands ask the controllers. */
export const asksControllers = ({ group, asks }: Noun): boolean => group === LOOK || asks === true;

export const nouns: readonly Noun[] = [
  {
    name: 'status',
    summary: 'who leads, how much runs, and what is not where it should be',
    group: LOOK,
    load: () => import('./cluster/status-command.ts'),
  },
  {
    name: 'top',
    summary: 'a look at it all, again and again: what is wrong, the fullest servers, what happened last',
    group: LOOK,
    load: () => import('./top/command.ts'),
  },
  {
    name: 'server',
    summary: 'servers: order, limits, drain, cordon',
    group: LOOK,
    load: () => import('./server/command.ts'),
  },
  { name: 'pool', summary: 'pools: timers and defaults', group: LOOK, load: () => import('./pool/command.ts') },
  {
    name: 'policy',
    summary: 'policies: apply, start, stop, explain',
    group: LOOK,
    load: () => import('./policy/command.ts'),
  },
  { name: 'run', summary: 'runs: watch, logs, move, stop', group: LOOK, load: () => import('./run/command.ts') },
  {
    name: 'events',
    summary: 'what happened, why, and by whom',
    group: LOOK,
    load: () => import('./cluster/events-command.ts'),
  },
  {
    name: 'audit',
    summary: 'who changed what or was refused: list, verify, export',
    group: LOOK,
    load: () => import('./audit/command.ts'),
  },
  {
    name: 'auth',
    summary: 'who you are, and who may do what: tokens, roles, users',
    group: LOOK,
    load: () => import('./auth/command.ts'),
  },
  {
    name: 'hook',
    summary: 'who is told of events: list, show, test, forget',
    group: LOOK,
    load: () => import('./hook/command.ts'),
  },
  {
    name: 'fence',
    summary: 'fencing: whether an epoch may still act',
    group: LOOK,
    load: () => import('./fence/command.ts'),
  },
  {
    name: 'plan',
    summary: 'what would happen: servers lost, another order, another limit',
    group: LOOK,
    load: () => import('./cluster/plan-command.ts'),
  },
  {
    name: 'proceed',
    summary: 'let takeovers go on that the mass-failure brake holds back',
    group: LOOK,
    load: () => import('./cluster/proceed-command.ts'),
  },
  {
    name: 'controllers',
    summary: 'controllers: who is there, and who leads',
    group: LOOK,
    load: () => import('./cluster/controllers-command.ts'),
  },
  {
    name: 'transfer-leadership',
    summary: 'let another controller lead, before the leader is maintained',
    group: LOOK,
    load: () => import('./cluster/transfer-leadership-command.ts'),
  },
  {
    name: 'snapshot',
    summary: 'snapshots: save, inspect, restore',
    group: LOOK,
    load: () => import('./snapshot/command.ts'),
  },
  {
    name: 'token',
    summary: 'join tokens: let a host join with one pasted line',
    group: LOOK,
    load: () => import('./token/command.ts'),
  },
  {
    name: 'pki',
    summary: 'the certificate authority: status, and its change for another one',
    group: LOOK,
    load: () => import('./pki/command.ts'),
  },
  {
    name: 'dev',
    summary: 'controller, agents and example policies on this machine, in one command',
    group: RUN,
    load: () => import('./dev/command.ts'),
  },
  {
    name: 'certificate',
    summary: 'certificates for TLS: sign one',
    group: RUN,
    load: () => import('./certificate/command.ts'),
  },
  { name: 'controller', summary: 'run a controller', group: RUN, load: () => import('./controller/command.ts') },
  {
    name: 'agent',
    summary: 'run an agent, or leave the cluster',
    group: RUN,
    load: () => import('./agent/command.ts'),
  },
  {
    name: 'keeper',
    summary: 'run a keeper (started by the agent)',
    group: undefined,
    load: () => import('./keeper.ts'),
  },
  {
    name: 'config',
    summary: 'configuration of controllers and agents: print, validate',
    group: OTHER,
    load: () => import('./config/command.ts'),
  },
  {
    name: 'debug',
    summary: 'for who looks for a fault: a bundle of status, events, metrics and configuration, without secrets',
    group: OTHER,
    asks: true,
    load: () => import('./debug/command.ts'),
  },
  {
    name: 'context',
    summary: 'contexts: which cluster, and as whom',
    group: OTHER,
    load: () => import('./context/command.ts'),
  },
  {
    name: 'login',
    summary: 'log in with an identity provider',
    group: OTHER,
    load: () => import('./login/command.ts'),
  },
  {
    name: 'logout',
    summary: 'forget the token of a login',
    group: OTHER,
    load: () => import('./login/logout-command.ts'),
  },
  { name: 'completion', summary: 'completion for your shell', group: OTHER, load: () => import('./completion.ts') },
  {
    name: 'complete-words',
    summary: 'words that can come next (asked by the completion scripts)',
    group: undefined,
    load: () => import('./complete-words.ts'),
  },
  { name: 'version', summary: 'versions of Locum and Node', group: OTHER, load: () => import('./version.ts') },
];
