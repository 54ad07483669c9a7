/** From what the controller's core sends to what the agent's core receives; between them lies the wire, which both codecs cover. */
import type { FromLeader, StartCommand, Verdict, Workload } from '../../agent/core/message.ts';
import type { Workload as PolicyWorkload } from '../../controller/core/records/state.ts';
import type { Timers } from '../../controller/core/records/timers.ts';
import type { Verdict as LeaderVerdict, ToAgent } from '../../controller/core/records/to-agent.ts';
import { epoch } from '../../shared/ids.ts';

export function forAgent(message: ToAgent, clusterId: string): FromLeader {
  switch (message.kind) {
    case 'welcome':
      return {
        ...message,
        clusterId,
        timers: agentTimers(message.timers),
        verdicts: message.verdicts.map(verdictOf),
      };
    case 'start':
      return startOf(message);
    case 'timers_changed':
      return { kind: 'timers_changed', timers: agentTimers(message.timers) };
    case 'verdicts':
      return { ...message, verdicts: message.verdicts.map(verdictOf) };
    case 'stop':
      return { ...message, epoch: epoch(message.epoch) };
    case 'ack':
      return { kind: 'ack', attempts: message.attempts.map((ref) => ({ run: ref.run, epoch: epoch(ref.epoch) })) };
    case 'grant':
    case 'report_full_state':
      return message;
  }
}

const startOf = (message: Extract<ToAgent, { kind: 'start' }>): StartCommand => ({
  ...message,
  epoch: epoch(message.epoch),
  workload: workloadOf(message.workload),
});

const agentTimers = ({ heartbeatMs, leaseMs }: Timers) => ({ heartbeatMs, leaseMs });

const verdictOf = (verdict: LeaderVerdict): Verdict => ({ ...verdict, epoch: epoch(verdict.epoch) });

function workloadOf(workload: PolicyWorkload): Workload {
  const { env, workingDirectory, user } = workload;
  const around = { env, workingDirectory, user };
  if (workload.kind === 'command') return { program: { kind: 'command', argv: workload.argv }, ...around };
  return { program: { kind: 'script', interpreter: workload.interpreter, text: workload.text }, ...around };
}
