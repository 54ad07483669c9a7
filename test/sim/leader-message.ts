/** From what the controller's core sends to what the agent's core receives; between them lies the wire, which both codecs cover. */
import type { FromLeader } from '../../agent/core/message.ts';
import type { ToAgent } from '../../controller/core/effect.ts';

export function forAgent(message: ToAgent, clusterId: string): FromLeader {
  switch (message.kind) {
    case 'welcome': {
      const { heartbeatMs, leaseMs } = message.timers;
      return { ...message, clusterId, timers: { heartbeatMs, leaseMs } };
    }
    case 'start': {
      const { workload } = message;
      const { env, workingDirectory, user } = workload;
      const program =
        workload.kind === 'command'
          ? ({ kind: 'command', argv: workload.argv } as const)
          : ({ kind: 'script', interpreter: workload.interpreter, text: workload.text } as const);
      return { ...message, workload: { program, env, workingDirectory, user } };
    }
    case 'timers_changed': {
      const { heartbeatMs, leaseMs } = message.timers;
      return { kind: 'timers_changed', timers: { heartbeatMs, leaseMs } };
    }
    case 'grant':
    case 'stop':
    case 'ack':
    case 'report_full_state':
    case 'verdicts':
      return message;
  }
}
