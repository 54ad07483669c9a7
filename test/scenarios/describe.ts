/** What happened, in one line each. */
import type { RecordWrite } from '../../controller/core/cluster/effect.ts';
import type { CallResult, CallValue, MovePlan } from '../../controller/core/cluster/event.ts';
import type { EventRecord } from '../../controller/core/records/state.ts';
import type { ReportedAttempt } from '../../shared/protocol/attempt.ts';
import type { LeaderMessage, Verdict } from '../../shared/protocol/leader-message.ts';
import type { Said } from '../controller/core/world/model-agent.ts';

const verdict = ({ run, epoch, action, reason }: Verdict): string =>
  `${action} ${run}/${epoch}${reason === '' ? '' : ` (${reason})`}`;

const listed = (items: readonly string[]): string => (items.length === 0 ? 'nothing' : items.join(', '));

/** A message to an agent. */
export function describeMessage(message: LeaderMessage): string {
  switch (message.kind) {
    case 'welcome':
      return `welcome, session ${message.session}: ${listed(message.verdicts.map(verdict))}`;
    case 'grant':
      return `grant ${message.sequence}, generation ${message.generation}`;
    case 'start': {
      const { onDisconnect, leaseMs, stopTimeoutMs, killGuardMs } = message.terms;
      const terms = `${onDisconnect} L=${leaseMs / 1000} G=${stopTimeoutMs / 1000} K=${killGuardMs / 1000}`;
      const args = message.arguments.length === 0 ? '' : ` with ${message.arguments.join(' ')}`;
      return `start ${message.run}/${message.epoch}${args}, generation ${message.generation}, heartbeat ${message.sequence}, ${terms}`;
    }
    case 'stop':
      return `stop ${message.run}/${message.epoch}, generation ${message.generation}: ${message.reason}`;
    case 'ack':
      return `ack ${message.attempts.map(({ run, epoch }) => `${run}/${epoch}`).join(', ')}`;
    case 'report_full_state':
      return `report full state: ${message.reason}`;
    case 'verdicts':
      return `verdicts, generation ${message.generation}: ${listed(message.verdicts.map(verdict))}`;
    case 'timers_changed':
      return `timers changed: h=${message.timers.heartbeatMs / 1000} L=${message.timers.leaseMs / 1000}`;
    case 'authority_notice':
      return `authority: ${message.signing} signs, ${listed(message.trusted)} trusted`;
    case 'reconnect':
    case 'read_output':
      throw new Error(`no core sends ${message.kind}`);
  }
}

function attempt({ run, epoch, state, end, health }: ReportedAttempt): string {
  if (end === undefined) return `${run}/${epoch} ${state}${health === undefined ? '' : `, ${health.state}`}`;
  return `${run}/${epoch} ${end.cause}${end.exitCode === undefined ? '' : ` ${end.exitCode}`}`;
}

/** What an agent says; undefined: of no interest. */
export function describeSaid(said: Said): string | undefined {
  switch (said.kind) {
    case 'hello':
      return `hello, boot ${said.hello.bootId}: ${listed(said.hello.inventory.map(attempt))}`;
    case 'heartbeat':
      return undefined;
    case 'report':
      return `report: ${listed(said.attempts.map(attempt))}`;
    case 'command_result':
      return said.outcome === 'APPLIED' ? undefined : `answer: ${said.outcome} ${said.reason}`;
    case 'full_state':
      return `full state, generation ${said.generation}: ${listed(said.inventory.map(attempt))}`;
    case 'goodbye':
      return `goodbye: ${listed(said.attempts.map(attempt))}`;
    case 'stream_closed':
      return 'stream closed';
  }
}

export function describeEvent({ type, cause, actor, message }: EventRecord): string {
  return `${type} (${cause}, ${actor}): ${message}`;
}

/** The lines of the event log that a commit holds, and how many other records. */
export function describeWrites(writes: readonly RecordWrite[]): readonly string[] {
  return writes.flatMap((write) => {
    return write.kind === 'put' && write.record.kind === 'event' ? [describeEvent(write.record)] : [];
  });
}

function plan({ moves, stays }: MovePlan): string {
  const moved = moves.map(({ run, from, to }) => `${run} ${from} -> ${to}`);
  const stay = stays.map(({ run, server, reason }) => `${run} stays on ${server} (${reason})`);
  return [...moved, ...stay].map((line) => `; ${line}`).join('');
}

export function describeResult(result: CallResult): string {
  return result.ok ? `ok: ${describeValue(result.value)}` : `refused, ${result.error.reason}: ${result.error.message}`;
}

function describeValue(value: CallValue): string {
  switch (value.kind) {
    case 'pool':
      return `pool ${value.pool.id}`;
    case 'order':
      return `order ${value.pool.order.join(', ')}${plan(value.plan)}`;
    case 'server':
      return `server ${value.server.id}${plan(value.plan)}${value.runs.length === 0 ? '' : `; ${value.runs.join(', ')}`}`;
    case 'policy':
      return [`policy ${value.policy.id}`, ...value.warnings].join('; ');
    case 'run':
      return `run ${value.run.id} ${value.run.state.kind}`;
    case 'runs':
      return `runs ${listed(value.runs)}`;
    case 'access':
      return `${value.record.kind} ${value.record.kind === 'token' ? value.record.id : value.record.name}`;
    case 'join_token':
      return `join token ${value.token.id} ${value.token.state.kind}`;
    case 'revocation':
      return `certificates of ${value.revocation.server} are revoked`;
    case 'authority':
      return `authority ${value.authority.phase}: ${value.authority.roots.map(({ hash }) => hash).join(', ')}${value.behind.map(({ name, lack }) => `; ${name} ${lack}`).join('')}`;
    case 'admitted':
      return `${value.server} may have a certificate, ${value.bound === undefined ? 'for any pool' : `for pool ${value.bound} only`}`;
    case 'noted':
      return 'noted';
    case 'gone':
      return `${value.name} is gone`;
  }
}
