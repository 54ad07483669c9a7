/** Runs as people see them. */

import { timestampMs } from '@bufbuild/protobuf/wkt';
import { formatDuration } from '../../shared/duration.ts';
import { OnDisconnectSchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import {
  type Attempt,
  AttemptStateSchema,
  DesiredStateSchema,
  EndCauseSchema,
  HealthSchema,
  type Run,
  RunStateSchema,
} from '../../shared/gen/locum/v1/run_pb.ts';
import { SECOND } from '../../shared/time.ts';
import type { View } from '../output/print.ts';
import { type Column, renderFacts, Table } from '../output/table.ts';
import { age, idOf, moment, span, stateCell, until, word } from '../output/words.ts';

/** The attempt that counts now: the newest. */
const newest = (run: Run): Attempt | undefined => run.attempts.at(-1);

/** The reason, and how long it may still last. */
export function because(run: Pick<Run, 'reason' | 'message' | 'etaTime'>): string {
  const eta = run.etaTime === undefined ? '' : ` (in about ${until(run.etaTime)})`;
  return `${run.message === '' ? run.reason : run.message}${eta}`;
}

export const runColumns: readonly Column<Run>[] = [
  { head: 'RUN', cell: ({ name }) => idOf(name) },
  { head: 'POLICY', wide: true, cell: ({ policy }) => idOf(policy) },
  { head: 'STATE', cell: ({ state }) => stateCell(RunStateSchema, state) },
  { head: 'SERVER', cell: ({ server }) => idOf(server) },
  { head: 'ATTEMPTS', right: true, cell: ({ attemptCount }) => attemptCount },
  { head: 'EPOCH', wide: true, right: true, cell: (run) => newest(run)?.epoch.toString() },
  { head: 'PID', wide: true, right: true, cell: (run) => newest(run)?.pid || undefined },
  { head: 'AGE', volatile: true, cell: ({ createTime }) => age(createTime) },
  { head: 'QUEUE', wide: true, right: true, cell: ({ queuePosition }) => queuePosition || undefined },
  { head: 'BECAUSE', cell: because },
];

/** `SCHEDULE`, `CONTINUOUS`, or who asked for it. */
const createdBy = ({ creator, createCause }: Run): string => (creator === 'controller' ? createCause : creator);

/** How long it has run, or ran until its end, with all that was in between; the time in the queue before it does not count. */
function took({ startTime, endTime }: Run): string {
  if (startTime === undefined) return '';
  const ms = (endTime === undefined ? Date.now() : timestampMs(endTime)) - timestampMs(startTime);
  return formatDuration(ms < 10 * SECOND ? Math.max(0, ms) : Math.round(ms / SECOND) * SECOND);
}

const lastEnd = (run: Run): string => {
  const attempt = newest(run);
  return attempt === undefined ? '' : endText(attempt);
};

const logsCommand = ({ name }: Run): string => `locum run logs ${idOf(name)}`;

/** Of runs that have ended. */
export const historyColumns: readonly Column<Run>[] = [
  { head: 'RUN', cell: ({ name }) => idOf(name) },
  { head: 'POLICY', wide: true, cell: ({ policy }) => idOf(policy) },
  { head: 'STATE', cell: ({ state }) => stateCell(RunStateSchema, state) },
  { head: 'CREATED BY', cell: createdBy },
  { head: 'STARTED', cell: ({ startTime }) => moment(startTime) },
  { head: 'TOOK', right: true, cell: took },
  { head: 'SERVER', cell: (run) => idOf(newest(run)?.server ?? '') },
  { head: 'ATTEMPTS', right: true, cell: ({ attemptCount }) => attemptCount },
  { head: 'END', cell: lastEnd },
  { head: 'ENDED', wide: true, cell: ({ endTime }) => moment(endTime) },
  { head: 'BECAUSE', wide: true, cell: because },
  { head: 'LOGS', wide: true, cell: logsCommand },
];

export function historyView(runs: readonly Run[]): View {
  return {
    table: (look) => (runs.length === 0 ? 'No runs have ended.' : new Table(historyColumns, look).render(runs)),
    names: () => runs.map(({ name }) => name),
  };
}

export function runListView(runs: readonly Run[]): View {
  return {
    table: (look) => (runs.length === 0 ? 'No runs.' : new Table(runColumns, look).render(runs)),
    names: () => runs.map(({ name }) => name),
  };
}

function endText({ end }: Attempt): string {
  if (end === undefined) return '';
  const how = end.exitCode !== undefined ? `exit ${end.exitCode}` : end.signal;
  return [word(EndCauseSchema, end.cause), how, end.detail].filter((part) => part !== '').join(', ');
}

const attemptColumns: readonly Column<Attempt>[] = [
  { head: 'EPOCH', right: true, cell: ({ epoch }) => epoch.toString() },
  { head: 'SERVER', cell: ({ server }) => idOf(server) },
  { head: 'STATE', cell: ({ state }) => stateCell(AttemptStateSchema, state) },
  { head: 'CAUSE', cell: ({ cause }) => cause },
  { head: 'PID', right: true, cell: ({ pid }) => pid || undefined },
  { head: 'STARTED', cell: ({ startTime }) => moment(startTime) },
  { head: 'ENDED', cell: ({ endTime }) => moment(endTime) },
  { head: 'END', cell: endText },
  { head: 'PROOF', cell: ({ end }) => end?.proof },
  { head: 'HEALTH', wide: true, cell: ({ health }) => (health === undefined ? '' : word(HealthSchema, health.state)) },
  { head: 'ON DISCONNECT', wide: true, cell: ({ onDisconnect }) => word(OnDisconnectSchema, onDisconnect) },
  { head: 'LEASE', wide: true, cell: ({ lease }) => span(lease) },
  { head: 'STOP', wide: true, cell: ({ stopTimeout }) => span(stopTimeout) },
  { head: 'KILL', wide: true, cell: ({ killGuard }) => span(killGuard) },
];

/** `HEALTHY for 3m`, `UNHEALTHY for 20s: connection refused`. Of an attempt that has ended: how it was until then. */
function healthText(attempt: Attempt | undefined): string {
  const health = attempt?.health;
  if (health === undefined || attempt?.end !== undefined) return '';
  const detail = health.detail === '' ? '' : `: ${health.detail}`;
  return `${word(HealthSchema, health.state)} for ${age(health.sinceTime)}${detail}`;
}

function runText(run: Run, wide: boolean): string {
  const kept = run.attempts.length;
  const facts = renderFacts([
    ['run', idOf(run.name)],
    ['policy', idOf(run.policy)],
    ['pool', idOf(run.pool)],
    ['state', stateCell(RunStateSchema, run.state)],
    ['because', because(run)],
    ['wanted', word(DesiredStateSchema, run.desired)],
    ['server', idOf(run.server)],
    ['health', healthText(newest(run))],
    ['moving to', idOf(run.reservedServer)],
    [
      'queue',
      run.queuePosition === 0
        ? ''
        : `place ${run.queuePosition}, priority ${run.priority}, since ${moment(run.queueTime)}`,
    ],
    ['arguments', run.arguments.join(' ')],
    ['slots', run.slots],
    ['created', [moment(run.createTime), createdBy(run) && `by ${createdBy(run)}`].filter(Boolean).join(' ')],
    ['started', moment(run.startTime)],
    ['ended', moment(run.endTime)],
    ['took', run.endTime === undefined ? '' : took(run)],
    ['logs', kept === 0 ? '' : logsCommand(run)],
    ['attempts', run.attemptCount > kept ? `${run.attemptCount}, the last ${kept} below` : run.attemptCount],
    ['etag', wide ? run.etag : ''],
  ]);
  return kept === 0 ? facts : `${facts}\n\n${new Table(attemptColumns, { wide }).render(run.attempts)}`;
}

export function runView(run: Run | undefined): View {
  return {
    table: ({ wide }) => (run === undefined ? '' : runText(run, wide)),
    names: () => (run === undefined ? [] : [run.name]),
  };
}

/** `backup-7 is QUEUED: every server is full`. */
export function runLine(run: Run): string {
  const where = run.server === '' ? '' : ` on ${idOf(run.server)}`;
  const why = because(run);
  return `${idOf(run.name)} is ${word(RunStateSchema, run.state)}${where}${why === '' ? '' : `: ${why}`}`;
}
