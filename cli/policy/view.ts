/** Policies as people see them. */

import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import type { Deviation } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import {
  FailbackSchema,
  type HealthCheck,
  ListModeSchema,
  MissedRunSchema,
  OnCapabilityLossSchema,
  OnDisconnectSchema,
  OnRunMissingSchema,
  OverlapRuleSchema,
  type Policy,
} from '../../shared/gen/locum/v1/policy_pb.ts';
import { type Run, RunState, RunStateSchema } from '../../shared/gen/locum/v1/run_pb.ts';
import type { SelectorOption } from '../globals.ts';
import type { View } from '../output/print.ts';
import { type Cell, type Column, cell, renderFacts, Table } from '../output/table.ts';
import { idOf, idsOf, moment, span, word } from '../output/words.ts';
import { because, runColumns } from '../run/view.ts';

/** A policy with its runs that have not ended. */
export interface PolicyRow {
  readonly name: string;
  readonly policy: Policy;
  readonly runs: readonly Run[];
  /** What is wrong with it although its runs may look right. */
  readonly trouble?: Deviation | undefined;
}

export function triggerText({ trigger }: Policy): string {
  const kind = trigger?.kind;
  switch (kind?.case) {
    case 'onDemand':
      return 'on demand';
    case 'schedule':
      return `${kind.value.cron} ${kind.value.timeZone || 'UTC'}`;
    case 'continuous':
    case undefined:
      return 'continuous';
  }
}

/** In the schedule's own zone, which is how its owner thinks of it: `2027-03-28 03:00 Europe/Berlin`. */
function zoneTime({ trigger }: Policy, time: Timestamp): string {
  const timeZone = (trigger?.kind.case === 'schedule' && trigger.kind.value.timeZone) || 'UTC';
  // Swedish dates are written like this.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return `${format.format(timestampDate(time))} ${timeZone}`;
}

function wantedServers(policy: Policy): string {
  const rest = policy.servers.length > 0 && word(ListModeSchema, policy.listMode) === 'PREFER' ? ', then others' : '';
  return [idsOf(policy.servers) + rest, policy.requirements.join(', ')].filter((part) => part !== '').join('; ');
}

function standing({ policy, runs, trouble }: PolicyRow): Cell {
  if (policy.deleting) return cell('DELETING', 'warn');
  if (trouble !== undefined && runs.length === 0) return cell('FAILED', 'bad');
  const running = runs.filter(({ state }) => state === RunState.RUNNING);
  if (runs.length > 0 && running.length === runs.length)
    return cell(runs.length === 1 ? 'RUNNING' : `RUNNING ×${runs.length}`, 'good');
  const other = runs.find(({ state }) => state !== RunState.RUNNING);
  if (other !== undefined) return cell(word(RunStateSchema, other.state), 'warn');
  return policy.paused ? cell('PAUSED', 'dim') : cell('IDLE', 'dim');
}

export const policyColumns: readonly Column<PolicyRow>[] = [
  { head: 'POLICY', cell: ({ name }) => idOf(name) },
  { head: 'POOL', wide: true, cell: ({ policy }) => idOf(policy.pool) },
  { head: 'TRIGGER', cell: ({ policy }) => triggerText(policy) },
  { head: 'STATE', cell: standing },
  {
    head: 'ON',
    cell: ({ runs }) => idsOf([...new Set(runs.map(({ server }) => server).filter((name) => name !== ''))]),
  },
  { head: 'RUNS', wide: true, cell: ({ runs }) => idsOf(runs.map(({ name }) => name)) },
  { head: 'WANTS', cell: ({ policy }) => wantedServers(policy) },
  { head: 'ON DISCONNECT', wide: true, cell: ({ policy }) => word(OnDisconnectSchema, policy.onDisconnect) || 'STOP' },
  { head: 'PRIORITY', wide: true, right: true, cell: ({ policy }) => policy.priority },
  {
    head: 'BECAUSE',
    cell: ({ policy, runs, trouble }) => {
      if (trouble !== undefined) return cell(trouble.message, 'warn');
      const other = runs.find(({ state }) => state !== RunState.RUNNING);
      if (other !== undefined) return because(other);
      return policy.nextTickTime === undefined ? '' : `next at ${zoneTime(policy, policy.nextTickTime)}`;
    },
  },
];

export function policyListView(rows: readonly PolicyRow[], { selector = [] }: SelectorOption = {}): View {
  const none =
    selector.length === 0
      ? 'No policies. Make one with "locum policy apply -f FILE"; the folder examples has some.'
      : `No policy has labels that meet ${selector.join(' and ')}.`;
  return {
    table: (look) => (rows.length === 0 ? none : new Table(policyColumns, look).render(rows)),
    names: () => rows.map(({ name }) => name),
  };
}

const argvText = (argv: readonly string[]): string =>
  argv.map((part) => (/^[\w@%+=:,./-]+$/.test(part) ? part : JSON.stringify(part))).join(' ');

function workloadText({ workload }: Policy): string {
  const kind = workload?.kind;
  switch (kind?.case) {
    case 'command':
      return argvText(kind.value.argv);
    case 'script': {
      const interpreter = kind.value.interpreter.length === 0 ? '/bin/sh' : kind.value.interpreter.join(' ');
      return `${interpreter}, a script of ${kind.value.text.trimEnd().split('\n').length} lines`;
    }
    case undefined:
      return '';
  }
}

/** `DB_PASSWORD (file db/password), TOKEN (agent_env API_TOKEN)`: where they are; what they are is not known here. */
function secretsText({ workload }: Policy): string {
  const sources = Object.entries(workload?.envFrom ?? {});
  return sources
    .map(([name, { source }]) => `${name} (${source.case === 'agentEnv' ? 'agent_env' : 'file'} ${source.value ?? ''})`)
    .join(', ');
}

/** `memory 512Mi, cpu 1.5, pids 100`. */
function limitsText({ workload }: Policy): string {
  const { memory = '', cpu, pids } = workload?.resources ?? {};
  const parts = [memory && `memory ${memory}`, cpu && `cpu ${cpu}`, pids && `pids ${pids}`];
  return parts.filter(Boolean).join(', ');
}

/** `20 ended runs; output: 64Mi, 720h`. Of output, what is not said is as the agents are configured. */
function keptText({ retention }: Policy): string {
  const { endedRuns = 20, outputSize = '', outputAge } = retention ?? {};
  const output = [outputSize, span(outputAge)].filter(Boolean).join(', ');
  return [`${endedRuns} ended runs`, output && `output: ${output}`].filter(Boolean).join('; ');
}

function missedText({ trigger }: Policy): string {
  if (trigger?.kind.case !== 'schedule') return '';
  return word(MissedRunSchema, trigger.kind.value.missed) || 'SKIP';
}

function overlapText({ trigger }: Policy): string {
  if (trigger?.kind.case !== 'schedule') return '';
  return word(OverlapRuleSchema, trigger.kind.value.overlap) || 'SKIP';
}

/** `GET /ready on port 8080, every 10s, within 5s; unhealthy with 3 failures (not in the first 30s); missing after 45s`. */
function healthCheckText({ healthCheck: check }: Policy): string {
  if (check === undefined) return '';
  const rhythm = `every ${span(check.interval) || '10s'}, within ${span(check.timeout) || '5s'}`;
  const limit = `unhealthy with ${check.failures ?? 3} failures (not in the first ${span(check.grace) || '30s'})`;
  const missing = `missing after ${span(check.missingAfter) || "its pool's missing_after"}`;
  return `${probeText(check)}, ${rhythm}; ${limit}; ${missing}`;
}

function probeText({ kind }: HealthCheck): string {
  switch (kind.case) {
    case 'exec':
      return argvText(kind.value.argv);
    case 'http': {
      const { host, port, path, tls } = kind.value;
      return `GET ${path || '/'} ${tls ? 'over TLS ' : ''}on ${placeText(host, port)}`;
    }
    case 'tcp':
      return `a connection to ${placeText(kind.value.host, kind.value.port)}`;
    case undefined:
      return '';
  }
}

const placeText = (host: string, port: number): string => `${host || '127.0.0.1'}:${port}`;

export function policyText({ policy, runs }: PolicyRow, wide: boolean): string {
  const { restart } = policy;
  const facts = renderFacts([
    ['policy', idOf(policy.name)],
    ['pool', idOf(policy.pool)],
    ['state', standing({ name: policy.name, policy, runs })],
    ['paused', policy.paused ? 'yes' : ''],
    ['runs as', workloadText(policy)],
    ['secrets', secretsText(policy)],
    ['limits', limitsText(policy)],
    ['trigger', triggerText(policy)],
    ['missed times', missedText(policy)],
    ['overlapping times', overlapText(policy)],
    ['time limit', span(policy.timeLimit)],
    ['health check', healthCheckText(policy)],
    ['next at', policy.nextTickTime && `${moment(policy.nextTickTime)} (${zoneTime(policy, policy.nextTickTime)})`],
    ['last at', moment(policy.lastTickTime)],
    [
      'servers',
      policy.servers.length === 0
        ? ''
        : `${idsOf(policy.servers)} (${word(ListModeSchema, policy.listMode) || 'ONLY'})`,
    ],
    ['requirements', policy.requirements.join(', ')],
    ['slots', policy.slots],
    ['priority', policy.priority],
    ['runs at once', policy.maxConcurrentRuns],
    ['on disconnect', word(OnDisconnectSchema, policy.onDisconnect) || 'STOP'],
    ['stop timeout', span(policy.stopTimeout)],
    ['failback', word(FailbackSchema, policy.failback)],
    ['on capability loss', word(OnCapabilityLossSchema, policy.onCapabilityLoss)],
    ['on run missing', word(OnRunMissingSchema, policy.onRunMissing)],
    [
      'restart',
      restart === undefined
        ? ''
        : `${restart.attempts ?? 3} failures within ${span(restart.window) || '10m'}, after ${span(restart.delay) || '1s'}${
            restart.maxFailures === undefined ? '' : `; given up with ${restart.maxFailures}`
          }`,
    ],
    ['kept', keptText(policy)],
    [
      'labels',
      Object.entries(policy.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ],
    ['changed', moment(policy.updateTime)],
    ['uid', wide ? policy.uid : ''],
    ['etag', policy.etag],
  ]);
  return runs.length === 0 ? facts : `${facts}\n\n${new Table(runColumns, { wide }).render(runs)}`;
}
